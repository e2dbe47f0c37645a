"""Samplers that start from, or agree with, the previous chunk, and their export as further graphs of a bundle."""
