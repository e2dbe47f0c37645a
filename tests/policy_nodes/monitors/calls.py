"""Policy calls without a policy."""

import numpy as np

from policy_nodes.monitors.interface import CallFeatures


def make_call(embedding=(0.0, 0.0), chunks=None, positions=None, distance=1.0, elapsed=None, driving=True):
    positions = np.zeros((4, 6, 3)) if positions is None else np.asarray(positions, dtype=float)
    chunks = np.zeros((*positions.shape[:2], 2)) if chunks is None else np.asarray(chunks, dtype=float)
    return CallFeatures(np.asarray(embedding, dtype=float), chunks, positions, distance, elapsed, driving)
