"""Panda lift: take the cube from the table and hold it at a point in the air."""
