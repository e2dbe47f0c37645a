from pathlib import Path

import pytest

from policy_nodes.bundle.load import load_bundle
from policy_nodes.errors import ConfigError
from training.evaluation.walkers import is_gait

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_the_shipped_gait_walks_and_the_shipped_arm_does_not():
    assert is_gait(load_bundle(EXAMPLES / "go1_velocity_flat.keel").manifest)
    assert not is_gait(load_bundle(EXAMPLES / "panda_pick_place.keel").manifest)


def test_a_gait_of_another_robot_is_refused_instead_of_walked_on_a_go1():
    manifest = load_bundle(EXAMPLES / "go1_velocity_flat.keel").manifest.model_copy(update={"robot": "anymal_c"})
    with pytest.raises(ConfigError, match="'anymal_c', for which there is no simulator") as refused:
        is_gait(manifest)
    assert "unitree_go1" in refused.value.fix


def test_an_arm_s_bundle_for_the_go1_s_name_is_no_gait():
    manifest = load_bundle(EXAMPLES / "panda_pick_place.keel").manifest.model_copy(update={"robot": "unitree_go1"})
    assert not is_gait(manifest)
