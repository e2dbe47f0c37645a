"""From a trained policy to a verified bundle."""
