"""What happens to a run while nobody looks: decisions of the supervisor, one subject a module.

Each is a function of what has happened (events, metrics), so that a supervisor that takes over
decides as the one before it would have.
"""
