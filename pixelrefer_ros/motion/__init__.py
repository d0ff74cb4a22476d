"""Questions about motion, asked of a node that follows the objects itself."""
