"""Networks that mix the feature maps of a backbone into a pyramid."""
