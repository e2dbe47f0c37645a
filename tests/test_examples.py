"""Every shipped bundle is small, sound, and computes here what it computed where it was made."""

from pathlib import Path

import pytest

from policy_nodes.bundle.load import load_bundle
from policy_nodes.inference.policy import PolicySession

BUNDLES = sorted((Path(__file__).parents[1] / "examples").glob("*.keel"))


def test_there_are_some():
    assert {path.stem for path in BUNDLES} >= {"panda_pick_place", "go1_velocity_flat", "panda_reach_avoid"}


@pytest.mark.parametrize("path", BUNDLES, ids=lambda path: path.stem)
def test_a_shipped_bundle_loads_and_keeps_its_parity(path):
    assert sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) <= 2_100_000
    session = PolicySession(load_bundle(path))
    assert session.warm_up(8) > 0.0  # raises when an output is off
