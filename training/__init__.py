"""Keel's learning side: datasets, policies, training, export with proof, closed-loop evaluation."""

import os

# Read once, when PyTorch loads its OpenMP runtime. By default its threads spin at every barrier, and on a machine where
# another process wants a core a training step of 40 ms then takes 500 ms and more.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # as in policy_nodes, which not every module here imports first
