"""One run in full: what its report is made of."""
