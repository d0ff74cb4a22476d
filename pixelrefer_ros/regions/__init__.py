"""What a user points at, turned into a mask."""
