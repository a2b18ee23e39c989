"""The life of a run: its processes, their supervision, its state."""
