"""Results: logs, event files, tables, comparison."""
