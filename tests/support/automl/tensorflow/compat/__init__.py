"""A stand-in for TensorFlow 2.15: what of it a run of google/automl is followed by."""
