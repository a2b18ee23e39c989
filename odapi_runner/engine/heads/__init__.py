"""Networks that predict boxes and classes from a pyramid."""
