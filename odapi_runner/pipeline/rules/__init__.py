"""The rules of `odapi check`, by subject; each is a function from a `Subject` to its findings."""
