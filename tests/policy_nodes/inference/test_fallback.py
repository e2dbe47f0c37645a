"""A silent velocity command is zero, and the policy remembers its own answers, not what limits made of them."""

from __future__ import annotations

import numpy as np
import pytest

from policy_nodes.bundle.manifest import ObservationFeature
from policy_nodes.errors import ObservationError
from policy_nodes.inference.observation import ObservationBuffer
from policy_nodes.safety.watch import SignalWatch
from tests.policy_nodes.safety.rig import config

MS = 1_000_000


def features(history=1):
    imu = {
        "name": "gravity", "topic": "/imu", "message_type": "sensor_msgs/msg/Imu", "field": "projected_gravity",
        "axes": ["x", "y", "z"], "unit": ["1"] * 3, "minimum": [-2.0] * 3, "maximum": [2.0] * 3, "max_age_s": 0.05,
    }  # fmt: skip
    twist = {
        "name": "command", "topic": "/cmd_vel", "message_type": "geometry_msgs/msg/Twist", "field": "planar",
        "axes": ["x", "y", "z"], "unit": ["m/s", "m/s", "rad/s"], "minimum": [-1.0] * 3, "maximum": [1.0] * 3,
        "max_age_s": 0.5, "fallback": [0.0] * 3,
    }  # fmt: skip
    action = {
        "name": "actions", "topic": "/policy_node/action_chunk",
        "message_type": "trajectory_msgs/msg/JointTrajectory", "field": "first_positions", "axes": ["hip", "knee"],
        "unit": ["rad"] * 2, "minimum": [-5.0] * 2, "maximum": [5.0] * 2, "max_age_s": 0.1, "fallback": [0.9, -1.8],
    }  # fmt: skip
    return [
        ObservationFeature.model_validate(
            {"name": term["name"], "terms": [term], "history": history, "history_step_s": 0.02}
        )
        for term in (imu, twist, action)
    ]


def test_a_silent_command_becomes_zero_and_a_fresh_one_counts_again():
    buffer = ObservationBuffer(features())
    buffer.push("gravity", 1000 * MS, [0, 0, -1])
    assert np.array_equal(buffer.assemble(1000 * MS).values["command"], [[0, 0, 0]])
    buffer.push("command", 1000 * MS, [0.8, 0, 0.1])
    assert np.allclose(buffer.assemble(1010 * MS).values["command"], [[0.8, 0, 0.1]])
    buffer.push("gravity", 1510 * MS, [0, 0, -1])
    assert np.array_equal(buffer.assemble(1510 * MS).values["command"], [[0, 0, 0]])  # 510 ms old
    buffer.push("command", 1515 * MS, [0.4, 0, 0])
    assert np.allclose(buffer.assemble(1515 * MS).values["command"], [[0.4, 0, 0]])


def test_terms_without_a_fallback_are_still_refused_when_silent():
    buffer = ObservationBuffer(features())
    with pytest.raises(ObservationError, match="gravity"):
        buffer.assemble(MS)


def test_the_previous_action_is_the_default_pose_before_the_first_answer_and_after_a_reset():
    buffer = ObservationBuffer(features())
    buffer.push("gravity", 1000 * MS, [0, 0, -1])
    assert np.allclose(buffer.assemble(1000 * MS).values["actions"], [[0.9, -1.8]])
    buffer.push_own_action(1000 * MS, [1.1, -1.5])
    buffer.push("gravity", 1020 * MS, [0, 0, -1])
    assert np.allclose(buffer.assemble(1020 * MS).values["actions"], [[1.1, -1.5]])
    buffer.reset()
    buffer.push("gravity", 1040 * MS, [0, 0, -1])
    assert np.allclose(buffer.assemble(1040 * MS).values["actions"], [[0.9, -1.8]])


def test_history_reaches_back_to_the_fallback_before_the_first_answer():
    buffer = ObservationBuffer(features(history=3))
    for k in range(3):
        buffer.push("gravity", (1000 + 20 * k) * MS, [0, 0, -1])
    buffer.push_own_action(1020 * MS, [1.1, -1.5])
    rows = buffer.assemble(1040 * MS).values["actions"]
    assert np.allclose(rows, [[0.9, -1.8], [1.1, -1.5], [1.1, -1.5]])


def test_silence_of_such_a_signal_is_no_fault_but_nan_is():
    term = features()[1].terms[0]
    watch = SignalWatch.of_term(term, config())
    assert watch.fault(10**12) is None
    for k in range(3):
        watch.sample(10**12 + k, 10**12 + k, np.full(3, np.nan))
    fault = watch.fault(10**12 + 3)
    assert fault is not None and fault.reason.value == "observation_not_finite"


def test_a_fallback_of_another_length_is_refused():
    raw = features()[1].terms[0].model_dump() | {"fallback": [0.0]}
    with pytest.raises(ValueError, match="fallback"):
        type(features()[1].terms[0]).model_validate(raw)
