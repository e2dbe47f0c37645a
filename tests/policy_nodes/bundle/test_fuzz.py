"""Seeded fuzz: every mutant is refused with a BundleError, none is accepted, none crashes.

``KEEL_FUZZ_COUNT`` sets the number of mutants; ``python benchmarks/bundle_fuzz.py`` is the long run, with figures.
"""

import os

import pytest

from policy_nodes.bundle.load import load_bundle
from tests.policy_nodes.bundle.mutations import MUTATIONS, fuzz
from tests.policy_nodes.bundle_fixture import make_bundle

COUNT = int(os.environ.get("KEEL_FUZZ_COUNT", "420"))
SEED = 20260101


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("bundle"))


def test_no_mutant_is_accepted_and_none_crashes(original, tmp_path):
    report = fuzz(original, tmp_path, COUNT, SEED)
    assert report.faults == []
    assert sum(report.made.values()) > 0.9 * COUNT
    assert len(report.made) == len(MUTATIONS)
    assert report.slowest_s < 5.0, report.slowest
    assert report.growth_bytes < 512 << 20
    load_bundle(original)  # the mutants were copies


def test_an_accepted_mutant_would_be_reported(original, tmp_path, monkeypatch):
    monkeypatch.setattr("tests.policy_nodes.bundle.mutations.MUTATIONS", (lambda path, rng: True,))
    (fault,) = fuzz(original, tmp_path, 1, SEED).faults
    assert "was accepted" in fault
