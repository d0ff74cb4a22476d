"""What a machine has and lacks to run this package, one check to a module."""
