"""Published benchmarks and the one of the simulator, and how answers to them are counted."""
