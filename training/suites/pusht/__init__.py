"""Push-T: a round pusher moves a T-shaped block onto its outline (Florence et al., arXiv 2109.00137)."""
