"""Presets, rendering, checking: everything about a pipeline.config that needs no TensorFlow."""
