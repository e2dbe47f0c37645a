"""Franka Panda: pick a cube from the table and place it at a goal."""
