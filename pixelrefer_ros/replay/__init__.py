"""Questions about the frames of a bag, asked again and again: run, measure, report."""
