from importlib.metadata import requires

import pytest
from packaging.requirements import Requirement

from policy_nodes.cli.probes import packages
from policy_nodes.cli.probes.packages import EXTRAS, RUNTIME, Need, judge, probe, release

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(("text", "numbers"), [("2.13.0+cpu", (2, 13, 0)), ("1.24rc1", (1, 24)), ("x", ())])
def test_release(text, numbers):
    assert release(text) == numbers


@pytest.mark.parametrize(
    ("found", "said"),
    [(None, "not installed"), ("3.2.9", "older than 3.3"), ("3.3", ""), ("3.11.0", ""), ("3.12", "not below 3.12")],
)
def test_judge(found, said):
    text = judge(Need("mujoco", "3.3", "3.12"), found)
    assert said in text
    assert bool(text) == bool(said)


def test_needs_are_those_of_the_distribution():
    declared = {}
    for line in requires("keel"):
        requirement = Requirement(line)
        extra = next((e for e in EXTRAS if requirement.marker and f'extra == "{e}"' in str(requirement.marker)), None)
        if extra or "extra ==" not in str(requirement.marker):
            declared[extra, requirement.name.lower()] = requirement.specifier
    for extra, needs in [(None, RUNTIME), *EXTRAS.items()]:
        for need in needs:
            bounds = {spec.operator: spec.version for spec in declared[extra, need.name.lower()]}
            assert (bounds.get(">=", ""), bounds.get("<", "")) == (need.minimum, need.below), need


def test_a_missing_runtime_package_fails_and_a_missing_extra_warns(monkeypatch):
    monkeypatch.setattr(packages, "installed", lambda name: None if name in ("daqp", "torch") else "99")
    checks = {check.item: check for check in probe()}
    assert checks["packages: runtime"].status == "fail"
    assert "daqp is not installed" in checks["packages: runtime"].detail
    assert checks["packages: train"].status == "warn"
    assert "keel[train]" in checks["packages: train"].fix
    assert checks["onnxruntime"].status == "fail"  # here both variants are "installed"


def test_the_gpu_build_counts_as_onnxruntime(monkeypatch):
    versions = {need.name: "99" for need in RUNTIME} | {"onnxruntime-gpu": "1.31.1"}
    versions.pop("onnxruntime")
    monkeypatch.setattr(packages, "installed", versions.get)
    checks = {check.item: check for check in probe()}
    assert checks["packages: runtime"].status == "ok"
    assert "onnxruntime" not in checks
