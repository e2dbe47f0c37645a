"""Terrain for legged robots: tiles of rising difficulty in one height field, and the curriculum over them."""
