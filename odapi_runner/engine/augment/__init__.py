"""Augmentation of training images: `spec` and `read` do without TensorFlow, `apply` does it."""
