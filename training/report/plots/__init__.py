"""Figures of the report: each function takes measured data and a width in inches, and returns a matplotlib figure."""
