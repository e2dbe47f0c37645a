import io

import numpy as np
import pytest
import yaml

from policy_nodes.errors import BundleError
from policy_nodes.safety.config import SafetyConfig
from training.contracts.panda_safety import joint_limits
from training.contracts.registry import task_contract
from training.export.contents import bundle_files, graph_tensors, require_parity

CONTRACT = task_contract("panda_pick_place")


def test_tensors_follow_the_contract_and_leave_out_what_is_not_there():
    found = graph_tensors(CONTRACT.observations, CONTRACT.actions, 32, 128)
    assert [(t.name, t.role, t.shape) for t in found["inputs"]] == [
        ("observation.state", "observation", [2, 8]),
        ("observation.environment_state", "observation", [2, 14]),
        ("noise", "noise", [32, 8]),
    ]
    assert [(t.name, t.role, t.shape) for t in found["outputs"]] == [
        ("action", "action", [16, 8]), ("embedding", "embedding", [128]),
    ]  # fmt: skip
    plain = graph_tensors(CONTRACT.observations, CONTRACT.actions, 0, 0)
    assert [t.role for t in plain["inputs"] + plain["outputs"]] == ["observation", "observation", "action"]


def test_files_of_a_bundle():
    safety = SafetyConfig(joints=joint_limits())
    files = bundle_files(b"graph", {"x": np.zeros((2, 1))}, {"action": np.ones((2, 3))}, safety)
    assert sorted(files) == ["parity.npz", "policy.onnx", "safety.yaml"] and files["policy.onnx"] == b"graph"
    assert SafetyConfig.model_validate(yaml.safe_load(files["safety.yaml"])) == safety
    with np.load(io.BytesIO(files["parity.npz"])) as archive:
        assert sorted(archive.files) == ["input/x", "output/action"]


@pytest.mark.parametrize(
    ("errors", "worst"),
    [({"action": 2e-5, "embedding": 1e-6}, "action"), ({"action": 3e-5, "embedding": float("nan")}, "embedding")],
)
def test_the_worst_output_is_named_and_nan_is_worse_than_any_number(errors, worst):
    with pytest.raises(BundleError, match=f"output '{worst}' of the graph differs .*allowed 1e-05") as caught:
        require_parity(errors, 1e-5, "the graph differs", "do something")
    assert caught.value.fix == "do something"
    require_parity({"action": 1e-5}, 1e-5, "the graph differs", "")
