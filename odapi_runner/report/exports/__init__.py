"""Runs in other programs: MLflow, Weights & Biases, TensorBoard's table of hyperparameters."""
