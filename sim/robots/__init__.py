"""Robots as data: where their models are, their limits, gains and kinematic chains."""
