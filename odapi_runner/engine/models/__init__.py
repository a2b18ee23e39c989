"""Whole detectors, one module a meta-architecture."""
