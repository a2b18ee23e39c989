"""How `model.ssd` is read."""
