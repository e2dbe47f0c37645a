"""Denoisers: (x (B, H, A), level (B,), condition (B, C)) -> (B, H, A)."""
