"""Training: from data sets in the official JSON format to model folders."""
