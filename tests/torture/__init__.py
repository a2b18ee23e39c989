"""A run killed again and again at random moments, and what must hold after each kill."""
