"""A node left running under load: cameras, clients and node as processes, and what they count."""
