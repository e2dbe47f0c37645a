import numpy as np
import pytest

from policy_nodes.bundle.manifest import ActionSpec
from policy_nodes.inference.actions import decode_chunk
from tests.policy_nodes.bundle_fixture import manifest_fields


def spec(*terms) -> ActionSpec:
    raw = manifest_fields()["actions"]
    full = raw["terms"][0]
    lists = ("unit", "offset", "stiffness", "damping", "minimum", "maximum")
    made = []
    for index, (joints, changes) in enumerate(terms):
        cut = {key: full[key][: len(joints)] for key in lists}
        made.append(full | cut | {"name": f"t{index}", "joints": joints} | changes)
    return ActionSpec.model_validate(raw | {"terms": made})


def test_identity_scale_and_default_pose_per_term():
    chosen = spec((["a", "b"], {}), (["c"], {"scale": 0.5, "offset": [1.0]}))
    chunk = np.array([[[1.0, 2.0, 4.0]]])
    np.testing.assert_array_equal(decode_chunk(chosen, chunk), [[[1.0, 2.0, 3.0]]])


def test_delta_is_added_to_the_measured_position_of_its_own_joints_only():
    chosen = spec((["a"], {}), (["b"], {"mode": "delta_position"}))
    chunk = np.array([[0.1, 0.1], [0.2, 0.2]])
    np.testing.assert_allclose(decode_chunk(chosen, chunk, np.array([5.0, 7.0])), [[0.1, 7.1], [0.2, 7.2]])
    with pytest.raises(ValueError, match="measured position"):
        decode_chunk(chosen, chunk)


def test_wrong_size():
    with pytest.raises(ValueError, match="chunk has 3 actions, the contract 1"):
        decode_chunk(spec((["a"], {})), np.zeros((2, 3)))
