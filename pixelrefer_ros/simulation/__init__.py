"""Simulated table tops with exact masks and words: data for the small model that ships."""
