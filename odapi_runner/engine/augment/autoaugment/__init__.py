"""AutoAugment for detection: `policies` does without TensorFlow, `apply` does them."""
