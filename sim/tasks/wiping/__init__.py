"""Wiping along a surface of unknown height under a demanded contact force."""
