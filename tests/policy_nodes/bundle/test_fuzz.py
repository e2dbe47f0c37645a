"""Seeded fuzz: every mutant is refused with a BundleError, none is accepted, none crashes.

``KEEL_FUZZ_COUNT`` sets the number of mutants; ``python benchmarks/bundle_fuzz.py`` is the long run, with figures.
"""

import os
import shutil

import pytest

from policy_nodes.bundle.load import load_bundle
from policy_nodes.errors import BundleError
from tests.policy_nodes.bundle.mutations import MUTATIONS, fuzz
from tests.policy_nodes.bundle.newer_fields import CONTRADICTIONS, NEWER, edit, make_full_bundle
from tests.policy_nodes.bundle_fixture import make_bundle
from tests.policy_nodes.camera_bundle import camera_bundle

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


@pytest.mark.parametrize("make", [make_full_bundle, camera_bundle])
def test_newer_fields_are_guarded_too(make, tmp_path):
    whole = make(tmp_path)
    report = fuzz(whole, tmp_path / "work", COUNT // 6, SEED, mutations=(*NEWER, *MUTATIONS))
    assert report.faults == [] and set(report.made) >= {mutate.__name__ for mutate in NEWER}
    report = fuzz(whole, tmp_path / "work", COUNT // 6, SEED + COUNT, mutations=NEWER)
    assert report.faults == []
    assert report.made["reseal_newer_structure"] == COUNT // 12
    load_bundle(whole)


def test_every_contradiction_belongs_to_one_of_the_bundles(tmp_path):
    bundles = [make_full_bundle(tmp_path), camera_bundle(tmp_path)]
    for number, change in enumerate(CONTRADICTIONS):
        copies = [shutil.copytree(path, tmp_path / f"{number}-{path.name}") for path in bundles]
        changed = [path for path in copies if edit(path, change)]
        assert changed, number
        for path in changed:
            with pytest.raises(BundleError):
                load_bundle(path)


def test_an_accepted_mutant_would_be_reported(original, tmp_path, monkeypatch):
    monkeypatch.setattr("tests.policy_nodes.bundle.mutations.MUTATIONS", (lambda path, rng: True,))
    (fault,) = fuzz(original, tmp_path, 1, SEED).faults
    assert "was accepted" in fault
