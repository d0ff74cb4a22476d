"""Frames: image encodings, the rolling buffer, bags."""
