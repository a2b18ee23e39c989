"""Changes to a config as changes to its text."""
