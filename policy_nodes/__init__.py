"""Keel's robot side: load a verified policy bundle, run it in real time, predict its failures, fall back safely."""

__version__ = "0.1.0"
