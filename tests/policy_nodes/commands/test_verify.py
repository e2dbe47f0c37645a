import json
import shutil

import numpy as np
import pytest

from policy_nodes.bundle.hashing import sha256_file
from policy_nodes.bundle.load import load_bundle
from policy_nodes.cli import main
from policy_nodes.commands import verify as command
from policy_nodes.commands.verify import verify
from policy_nodes.inference.latency import Latency
from tests.policy_nodes.bundle.resealing import edit_manifest
from tests.policy_nodes.bundle_fixture import JOINTS, make_bundle, npz_bytes, parity_bytes, safety_yaml, tiny_model

pytestmark = pytest.mark.pure

ITEMS = [
    "manifest",
    "signature",
    "files",
    "hashes",
    "contents",
    "provider",
    "parity",
    "latency",
    "safety",
    "monitor",
    "sim2sim",
]


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def bundle(original, tmp_path):
    return shutil.copytree(original, tmp_path / "tiny.keel")


def statuses(path) -> dict[str, str]:
    return {check.item: check.status for check in verify(path, calls=20)}


def finding(path, item):
    return next(check for check in verify(path, calls=20) if check.item == item)


def test_a_valid_bundle_passes_every_item(bundle):
    assert statuses(bundle) == dict.fromkeys(ITEMS, "ok") | {"monitor": "skip", "signature": "skip", "sim2sim": "skip"}


def test_an_edited_manifest_stops_everything_after_it(bundle):
    edit_manifest(bundle, lambda raw: raw.update(task="x"), reseal=False)
    result = statuses(bundle)
    assert list(result) == ITEMS
    assert result.pop("manifest") == "fail"
    assert set(result.values()) == {"skip"}


@pytest.mark.parametrize(
    ("item", "damage"),
    [
        ("files", lambda path: (path / "extra.txt").write_text("x")),
        ("hashes", lambda path: (path / "safety.yaml").write_bytes(b"joints: []")),
    ],
)
def test_the_item_at_fault_is_the_one_that_fails(bundle, item, damage):
    damage(bundle)
    result = statuses(bundle)
    assert [name for name, status in result.items() if status == "fail"] == [item]
    assert result["parity"] == "skip"


def test_contents(bundle):
    (bundle / "parity.npz").write_bytes(b"junk")
    edit_manifest(bundle, lambda raw: raw["files"].update({"parity.npz": sha256_file(bundle / "parity.npz")}))
    assert finding(bundle, "contents").status == "fail"


def test_parity_is_measured_not_read(tmp_path):
    path = make_bundle(tmp_path, files={"parity.npz": parity_bytes(seed=1)})
    check = finding(path, "parity")
    assert check.status == "fail"
    assert "tolerance 1e-05" in check.detail
    assert finding(path, "latency").status == "ok"


def test_a_provider_that_is_not_here(bundle):
    result = {check.item: check for check in verify(bundle, provider="tensorrt", calls=5)}
    assert result["provider"].status == "fail"
    assert result["parity"].status == result["latency"].status == "skip"
    assert result["safety"].status == "ok"


def test_latency_beyond_the_budget(bundle, monkeypatch):
    monkeypatch.setattr(command, "measure_latency", lambda session, calls: Latency(calls, 0.01, 0.051, 0.06))
    check = finding(bundle, "latency")
    assert check.status == "fail"
    assert "p99 51.00 ms" in check.detail
    assert "budget 50 ms" in check.detail


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        (safety_yaml([*JOINTS[1:], JOINTS[0]]), "safety.yaml limits panda_joint2"),
        (b"joints: []\n", "joints"),
        (b"joints: [\n", "YAML"),
    ],
)
def test_safety(tmp_path, yaml, said):
    check = finding(make_bundle(tmp_path, files={"safety.yaml": yaml}), "safety")
    assert check.status == "fail"
    assert said in check.detail


def calibration(**meta) -> bytes:
    return npz_bytes({"meta": np.array(json.dumps(meta)), "threshold": np.ones(3)})


def test_monitor_of_this_policy(tmp_path, original):
    digest = load_bundle(original).manifest.files["policy.onnx"]
    monitor = tiny_model(seed=7).SerializeToString()
    path = make_bundle(tmp_path, files={"calibration.npz": calibration(policy_sha256=digest), "monitor.onnx": monitor})
    assert finding(path, "monitor").status == "ok"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"calibration.npz": calibration(policy_sha256="0" * 64)}, "another policy"),
        ({"calibration.npz": calibration()}, "no readable 'meta'"),
        ({"calibration.npz": npz_bytes({"meta": np.array("{")})}, "no readable 'meta'"),
        ({"calibration.npz": npz_bytes({"x": np.zeros(1)})}, "no readable 'meta'"),
        ({"monitor.onnx": tiny_model().SerializeToString()}, "without calibration.npz"),
    ],
)
def test_monitor_of_another_policy_or_none(tmp_path, files, said):
    check = finding(make_bundle(tmp_path, files=files), "monitor")
    assert check.status == "fail"
    assert said in check.detail


def test_the_command(bundle, capsys):
    assert main(["verify", str(bundle), "--calls", "5"]) == 0
    assert "passed" in capsys.readouterr().out
    (bundle / "policy.onnx").write_bytes(b"x")
    assert main(["verify", str(bundle), "--json"]) == 1
    value = json.loads(capsys.readouterr().out)
    assert value["passed"] is False
    assert [row["item"] for row in value["checks"]] == ITEMS


def test_no_bundle_at_all(tmp_path, capsys):
    assert main(["verify", str(tmp_path / "none.keel")]) == 1
    assert "does not exist" in capsys.readouterr().out


def gate(path, **changes):
    row = {"shift": "nominal", "description": "as trained", "min_success": 0.9, "episodes": 20, "successes": 18}
    found = {"first_seed": 0, "policy_sha256": sha256_file(path / "policy.onnx"), "rows": [row | changes]}
    edit_manifest(path, lambda raw: raw.update(sim2sim=found))
    return found


def test_a_passed_gate_is_reported_with_its_worlds(bundle):
    gate(bundle)
    check = finding(bundle, "sim2sim")
    assert (check.status, check.detail) == ("ok", "passed in all 1 changed worlds, 20 episodes")


def test_a_gate_below_its_threshold_fails_by_name(bundle):
    gate(bundle, successes=17)
    check = finding(bundle, "sim2sim")
    assert check.status == "fail" and "nominal" in check.detail and check.fix


def test_the_gate_of_another_policy_does_not_count(bundle):
    gate(bundle)
    edit_manifest(bundle, lambda raw: raw["sim2sim"].update(policy_sha256="0" * 64))
    assert finding(bundle, "sim2sim").status == "fail"
