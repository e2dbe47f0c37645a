"""Wiping a surface of unknown height and stiffness with a demanded force, which only the wrist feels."""
