import pytest

from training.suites.errors import SuiteError
from training.suites.metaworld.catalogue import INSTRUCTIONS, MT10, SETS, members

env_dict = pytest.importorskip("metaworld.env_dict")


def test_sets_are_the_packages_own_in_its_order():
    assert tuple(env_dict.MT10_V3) == MT10
    assert set(env_dict.ALL_V3_ENVIRONMENTS) == set(INSTRUCTIONS)
    assert members("mt50") == tuple(sorted(env_dict.ALL_V3_ENVIRONMENTS)) and len(members("mt50")) == 50


def test_every_task_has_an_instruction_of_its_own():
    assert len(set(INSTRUCTIONS.values())) == len(INSTRUCTIONS)
    assert all(text.endswith(".") and text[0].isupper() for text in INSTRUCTIONS.values())


def test_a_task_is_a_set_of_one_and_sets_hold_known_tasks():
    assert members("reach-v3") == ("reach-v3",)
    assert all(set(names) <= set(INSTRUCTIONS) for names in SETS.values())


def test_unknown_names_are_refused_with_the_known_sets():
    with pytest.raises(SuiteError, match="no task or set 'reach-v9'") as caught:
        members("reach-v9")
    assert "mt10" in caught.value.fix
