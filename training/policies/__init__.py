"""Policy networks and their parts."""
