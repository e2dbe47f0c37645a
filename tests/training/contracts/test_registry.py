import pytest

from policy_nodes.errors import ConfigError
from training.contracts.registry import task_contract, task_names


def test_every_name_has_a_contract_of_that_name():
    assert {"panda_pick_place", "metaworld/..."} <= set(task_names())
    names = [name for name in task_names() if not name.endswith("/...")]
    assert [task_contract(name).name for name in names] == names


def test_a_family_needs_a_variant():
    with pytest.raises(ConfigError, match="unknown task 'metaworld'") as caught:
        task_contract("metaworld")
    assert "metaworld/..." in caught.value.fix


def test_built_once():
    assert task_contract("panda_pick_place") is task_contract("panda_pick_place")


def test_unknown_tasks_list_the_known():
    with pytest.raises(ConfigError, match="unknown task 'x'") as caught:
        task_contract("x")
    assert "panda_pick_place" in caught.value.fix
