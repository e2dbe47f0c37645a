"""Signal temporal logic neural predictive control (Meng and Fan, RA-L 2023, arXiv 2309.05131)."""
