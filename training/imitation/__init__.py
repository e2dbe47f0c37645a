"""Imitation learning: train a policy on demonstrations, resumably."""
