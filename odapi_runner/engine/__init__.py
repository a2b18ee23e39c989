"""The embedded engine; the only room in which TensorFlow is imported."""
