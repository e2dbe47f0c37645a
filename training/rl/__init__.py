"""Reinforcement learning with rsl_rl on the batched simulator: adapter, configurations, training, export."""
