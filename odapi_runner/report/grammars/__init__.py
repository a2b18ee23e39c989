"""One module a log format: `parse(lines)` yields the rows that lines of this format tell.

A grammar looks for the words of its format and never for positions or line numbers, ignores every
other line, and yields nothing where nothing is its own. A new one is a module here and an entry
in `report/logs.py`.
"""
