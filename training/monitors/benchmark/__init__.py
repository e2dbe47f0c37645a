"""Comparison of failure predictors on stored rollouts with induced causes of failure."""
