import pytest

from policy_nodes.errors import ConfigError
from training.contracts.registry import task_contract, task_names


def test_every_name_has_a_contract_of_that_name():
    assert task_names() == ["panda_pick_place"]
    assert [task_contract(name).name for name in task_names()] == task_names()


def test_built_once():
    assert task_contract("panda_pick_place") is task_contract("panda_pick_place")


def test_unknown_tasks_list_the_known():
    with pytest.raises(ConfigError, match="unknown task 'x'") as caught:
        task_contract("x")
    assert "panda_pick_place" in caught.value.fix
