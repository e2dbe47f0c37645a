"""No older schema exists yet; a made-up version 0 and -1 prove that one could be read."""

import copy
import json

import pytest

from policy_nodes.bundle import migrate as module
from policy_nodes.bundle.hashing import manifest_digest
from policy_nodes.bundle.load import load_bundle
from policy_nodes.bundle.migrate import migrate
from policy_nodes.bundle.write import update_manifest
from policy_nodes.errors import BundleError
from tests.policy_nodes.bundle.resealing import edit_manifest
from tests.policy_nodes.bundle_fixture import make_bundle


def to_0(raw):
    """The made-up older version kept the control period in ms and called the instruction ``description``."""
    raw["timing"]["control_period_ms"] = 1000.0 / raw["timing"].pop("control_rate_hz")
    raw["description"] = raw.pop("task")
    raw["schema_version"] = 0


def from_0(raw):
    raw["timing"]["control_rate_hz"] = 1000.0 / raw["timing"].pop("control_period_ms")
    raw["task"] = raw.pop("description")
    return raw


@pytest.fixture
def old(tmp_path):
    path = make_bundle(tmp_path)
    edit_manifest(path, to_0)
    return path


def test_an_old_bundle_is_refused_where_no_migration_knows_it(old):
    with pytest.raises(BundleError, match="schema version 0, this Keel reads 1 to 1") as error:
        load_bundle(old)
    assert "export" in error.value.fix


def test_an_old_bundle_is_read_and_left_as_it_is(old, monkeypatch):
    before = (old / "manifest.json").read_bytes()
    monkeypatch.setitem(module.MIGRATIONS, 0, from_0)
    manifest = load_bundle(old).manifest
    assert manifest.schema_version == 1
    assert manifest.timing.control_rate_hz == 50.0
    assert manifest.task == "pick the cube and place it at the goal"
    assert (old / "manifest.json").read_bytes() == before
    assert manifest.digest == json.loads(before)["digest"]  # its identity is what was written


def test_the_digest_is_checked_before_anything_is_migrated(old, monkeypatch):
    monkeypatch.setitem(module.MIGRATIONS, 0, lambda raw: pytest.fail("migrated an edited manifest"))
    edit_manifest(old, lambda raw: raw.update(description="edited"), reseal=False)
    with pytest.raises(BundleError, match="was edited"):
        load_bundle(old)


def test_the_next_write_brings_it_up_to_date(old, monkeypatch):
    monkeypatch.setitem(module.MIGRATIONS, 0, from_0)
    update_manifest(load_bundle(old), name="renamed")
    raw = json.loads((old / "manifest.json").read_text())
    assert raw["schema_version"] == 1
    assert raw["digest"] == manifest_digest(raw)
    monkeypatch.delitem(module.MIGRATIONS, 0)
    assert load_bundle(old).manifest.name == "renamed"


def test_versions_are_climbed_one_by_one():
    seen = []

    def step(raw):
        seen.append(raw["schema_version"])
        return raw

    raw = {"schema_version": -1, "x": 1}
    kept = copy.deepcopy(raw)
    assert migrate(raw, "m", migrations={-1: step, 0: step}, target=1) == {"schema_version": 1, "x": 1}
    assert seen == [-1, 0]
    assert raw == kept


def test_a_migration_that_cannot_is_a_named_refusal():
    def refuse(raw):
        raise ValueError("gains were not recorded")

    with pytest.raises(BundleError, match=r"from schema version 0 to 1: gains were not recorded"):
        migrate({"schema_version": 0}, "m", migrations={0: refuse}, target=1)
    with pytest.raises(BundleError, match="cannot be brought"):
        migrate({"schema_version": 0}, "m", migrations={0: lambda raw: raw["absent"]}, target=1)


def test_a_result_that_is_no_valid_manifest_is_refused(old, monkeypatch):
    monkeypatch.setitem(module.MIGRATIONS, 0, lambda raw: raw)
    with pytest.raises(BundleError, match="control_rate_hz"):
        load_bundle(old)
