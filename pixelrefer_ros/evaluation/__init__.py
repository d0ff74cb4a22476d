"""How often the answers of a model are right, and how fast they come."""
