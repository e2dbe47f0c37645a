"""The rehearsal's robot, made from a bundle."""

from __future__ import annotations

import numpy as np

from policy_nodes.bundle.load import Bundle
from policy_nodes.running.campaign.bench import JOINT_STATE, Plant
from policy_nodes.safety.config import load_safety_config


def plant_of(bundle: Bundle) -> Plant:
    """The bench's robot from a bundle: contract, limits, and a start that the policy was proven at (``parity.npz``)."""
    manifest = bundle.manifest
    actions, safety = manifest.actions, load_safety_config(bundle.file("safety.yaml"))
    values = {term.name: (np.array(term.minimum) + np.array(term.maximum)) / 2 for term in manifest.terms}
    start = np.array([(joint.position_min + joint.position_max) / 2 for joint in safety.joints])
    with np.load(bundle.file("parity.npz"), allow_pickle=False) as parity:
        for feature in manifest.observations:
            key = next((name for name in parity.files if name.rpartition("/")[2] == feature.name), None)
            if key is None:
                continue
            # (N, history, terms one after another): the newest entry of the first sample.
            row, at = np.asarray(parity[key][0], dtype=np.float64).reshape(feature.history, -1)[-1], 0
            for term in feature.terms:
                values[term.name], at = row[at : at + term.size], at + term.size
    for term in manifest.terms:
        if term.message_type == JOINT_STATE and list(term.axes) == list(actions.joints) and term.field == "position":
            start = values[term.name]
    return Plant(
        safety=safety,
        joints=actions.joints,
        terms=manifest.terms,
        start=start,
        values=values,
        period_s=1.0 / manifest.timing.control_rate_hz,
        chunk_period_s=actions.execution_horizon * actions.step_s,
        step_s=actions.step_s,
        horizon=actions.horizon,
    )
