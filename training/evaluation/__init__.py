"""Closed-loop evaluation of a bundle: the deployed code against the simulated robot."""
