import pytest
from pydantic import ValidationError

from policy_nodes.bundle.manifest import ActionSpec, Manifest, ObservationTerm
from tests.policy_nodes.bundle_fixture import JOINTS, manifest_fields


def test_sizes_and_orders():
    manifest = Manifest.model_validate(manifest_fields() | {"files": {}, "digest": "0" * 64})
    assert manifest.actions.joints == JOINTS
    assert [feature.size for feature in manifest.observations] == [8, 7]
    assert [term.name for term in manifest.terms] == ["joint_position", "cube_pose"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"minimum": [0.0]}, "lengths differ"),
        ({"axes": ["a"] * 8}, "repeated names"),
        ({"minimum": [9.0] * 8}, "is not below maximum"),
        ({"maximum": [float("inf")] * 8}, "finite"),
        ({"max_age_s": 0.0}, "greater than 0"),
        ({"topic": "/joint states"}, "match"),
        ({"axes": ["a b"] + ["c"] * 7}, "match"),
    ],
)
def test_observation_term_refuses(change, said):
    raw = manifest_fields()["observations"][0]["terms"][0] | change
    with pytest.raises(ValidationError, match=said):
        ObservationTerm.model_validate(raw)


def test_action_spec_refuses():
    raw = manifest_fields()["actions"]
    with pytest.raises(ValidationError, match="exceeds horizon"):
        ActionSpec.model_validate(raw | {"execution_horizon": 17})
    with pytest.raises(ValidationError, match="commanded by two"):
        ActionSpec.model_validate(raw | {"terms": raw["terms"] * 2})
    with pytest.raises(ValidationError, match="lengths differ"):
        ActionSpec.model_validate(raw | {"terms": [raw["terms"][0] | {"stiffness": []}]})
