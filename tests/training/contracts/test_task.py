from dataclasses import replace

from training.contracts.registry import task_contract

CONTRACT = task_contract("panda_pick_place")


def test_history_in_control_steps():
    assert CONTRACT.history == {"observation.state": (2, 1), "observation.environment_state": (2, 1)}
    slower = [feature.model_copy(update={"history": 3, "history_step_s": 0.1}) for feature in CONTRACT.observations]
    assert set(replace(CONTRACT, observations=slower).history.values()) == {(3, 5)}


def test_hash_covers_what_the_weights_depend_on():
    same = replace(CONTRACT, instruction="Tidy up.", safety=None, simulator="other:Robot")
    assert same.sha256 == CONTRACT.sha256
    shorter = CONTRACT.actions.model_copy(update={"execution_horizon": 4})
    timing = CONTRACT.timing.model_copy(update={"control_rate_hz": 25.0})
    changed = (
        replace(CONTRACT, relative=[False] * 8), replace(CONTRACT, actions=shorter), replace(CONTRACT, timing=timing),
        replace(CONTRACT, observations=CONTRACT.observations[::-1]),
    )  # fmt: skip
    assert len({contract.sha256 for contract in (CONTRACT, *changed)}) == 5
