"""Training objectives: each turns data, noise and a network into a scalar loss."""
