"""One module a log format: a `GRAMMAR`, and how its lines look in the docstring.

A grammar names the words that its lines hold, and makes a reader to which such lines are given. A
reader looks for the words of its format and never for positions or line numbers, leaves every
other line alone, says of a line of its own that it cannot use why, and tells nothing where nothing
is its own: a number that no metric's line tells is worse than one that is missing. A new format is
a module here and an entry in `report/logs.py`; `tests/fuzz/logs.py` makes logs of it.
"""
