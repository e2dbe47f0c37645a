"""Keel's robot side: load a verified policy bundle, run it in real time, predict its failures, fall back safely."""

import os

__version__ = "0.1.0"

# Read once, when ONNX Runtime is imported. Since 1.29 its Linux wheels report names, hashes and timings of every model
# to their makers, from threads of their own; a robot's policy process has no business with either.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
