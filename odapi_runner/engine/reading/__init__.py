"""Each part of a config, read into its part of the `Spec` (no TensorFlow here)."""
