"""Patches in the notation of people's notebooks: read, understood, and made changes of a config."""
