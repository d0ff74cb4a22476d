"""Vision encoders that run outside torch."""
