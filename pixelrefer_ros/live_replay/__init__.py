"""A bag played through DDS into the node, which is asked meanwhile as a robot asks."""
