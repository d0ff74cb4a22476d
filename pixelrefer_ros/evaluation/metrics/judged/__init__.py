"""Metrics for which a language model is asked what it thinks of an answer."""
