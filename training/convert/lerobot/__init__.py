"""Checkpoints of LeRobot (ACT and Diffusion, formats 0.4 to 0.6) become bundles; LeRobot itself is not needed."""
