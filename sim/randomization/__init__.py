"""Randomisation: parameters, delays, noise and bias that differ between worlds; every drawn value is recorded."""
