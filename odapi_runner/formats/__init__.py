"""File formats that several rooms read and write; numpy at most, never TensorFlow."""
