import re

import pytest

from policy_nodes.bundle.manifest import Manifest
from policy_nodes.bundle.semantics import problems
from tests.policy_nodes.bundle_fixture import manifest_fields

FILES = dict.fromkeys(("policy.onnx", "parity.npz", "safety.yaml"), "0" * 64)


def found(change=lambda raw: None) -> list[str]:
    raw = manifest_fields() | {"files": dict(FILES), "digest": "0" * 64}
    change(raw)
    return problems(Manifest.model_validate(raw))


def joint_term(raw):
    return raw["observations"][0]["terms"][0]


def pose_term(raw):
    return raw["observations"][1]["terms"][0]


def action(raw):
    return raw["actions"]["terms"][0]


def success(successes, low, high):
    return {
        "task": "t", "episodes": 10, "successes": successes, "interval_low": low, "interval_high": high,
        "confidence": 0.95, "first_seed": 0,
    }  # fmt: skip


def swap(sequence, first, second):
    sequence[first], sequence[second] = sequence[second], sequence[first]


def test_the_fixture_has_no_contradiction():
    assert found() == []


def imu(field, **changes):
    """Replaces the pose by an IMU term of three axes."""
    term = {"name": "imu", "topic": "/imu", "message_type": "sensor_msgs/msg/Imu", "field": field, "max_age_s": 0.1}
    vector = {"axes": ["x", "y", "z"], "minimum": [-20.0] * 3, "maximum": [20.0] * 3}

    def change(raw):
        raw["observations"][1]["terms"] = [term | vector | changes]
        raw["policy"]["inputs"][1]["shape"] = [2, 3]

    return change


def wrench(**changes):
    term = {"message_type": "geometry_msgs/msg/WrenchStamped", "unit": ["N"] * 3, "frame_id": "base"}
    return imu("force", **(term | changes))


def twist(**changes):
    return imu("linear", **({"message_type": "geometry_msgs/msg/Twist", "unit": ["m/s"] * 3} | changes))


def test_an_imu_term_without_contradiction():
    assert found(imu("angular_velocity", unit=["rad/s"] * 3)) == []
    assert found(imu("projected_gravity", unit=["1"] * 3)) == []


CASES = {
    "feature twice": (lambda r: r["observations"].append(r["observations"][0]), "'observation.state' appears twice"),
    "term twice": (lambda r: pose_term(r).update(name="joint_position"), "term 'joint_position' appears twice"),
    "missing file": (lambda r: r["files"].pop("safety.yaml"), "files lacks 'safety.yaml'"),
    "pickled file": (lambda r: r["files"].update({"a.pkl": "0" * 64}), "files lists 'a.pkl'"),
    "no such field": (lambda r: joint_term(r).update(field="pose"), "has no field 'pose'"),
    "degrees of freedom in metres per second": (
        lambda r: joint_term(r).update(unit=["rad/s"] * 8), "joint 'panda_joint1' has unit 'rad/s', but the field is"),
    "pose without frame": (lambda r: pose_term(r).update(frame_id=None), "needs a frame_id"),
    "force without frame": (wrench(frame_id=None), "a WrenchStamped needs a frame_id"),
    "joints in a frame": (lambda r: joint_term(r).update(frame_id="base"), "'base' would never be checked: joint"),
    "frame of a message without header": (
        twist(frame_id="base_link"), "'base_link' would never be checked: the message has no header"),
    "quaternion wxyz": (
        lambda r: pose_term(r).update(axes=["x", "y", "z", "qw", "qx", "qy", "qz"]), "axis 'qw' stands where"),
    "degrees per second of an imu": (imu("angular_velocity", unit=["rad"] * 3), "'angular_velocity' has units"),
    "imu without such a field": (imu("planar", unit=["1"] * 3), "has no field 'planar'"),
    "imu in another order": (imu("linear_acceleration", unit=["m/s^2"] * 3, axes=["z", "y", "x"]), "axis 'z' stands"),
    "signature listed": (lambda r: r["files"].update({"signature.json": "0" * 64}), "files lists 'signature.json'"),
    "pose in radians": (lambda r: pose_term(r).update(unit=["rad"] * 7), "has units"),
    "velocity in rad": (lambda r: action(r).update(mode="velocity"), "has unit 'rad', but the mode is 'velocity'"),
    "negative gain": (lambda r: action(r)["damping"].__setitem__(2, -1.0), "joint 'panda_joint3' has a negative gain"),
    "zero scale": (lambda r: action(r).update(scale=0.0), "scale is zero"),
    "default pose": (lambda r: action(r)["offset"].__setitem__(3, 0.5), "default pose 0.5 of joint 'panda_joint4'"),
    "unobserved joint": (lambda r: action(r)["joints"].__setitem__(0, "joint1"), "'joint1' is commanded but"),
    "unit differs": (lambda r: swap(action(r)["unit"], 0, 7), "is commanded in 'm' but observed in 'rad'"),
    "wider than observed": (lambda r: action(r)["maximum"].__setitem__(0, 9.0), "outside its observed range"),
    "steps finer than control": (lambda r: r["actions"].update(step_s=0.01), "shorter than the control period"),
    "budget outlasts chunk": (lambda r: r["timing"].update(inference_budget_s=0.4), "outlast the whole chunk"),
    "chunk executed to its end": (
        lambda r: r["actions"].update(execution_horizon=16),
        "execution_horizon 16 of 16 steps leaves no time .* may take 0.05 s; at most 13 steps"),
    "chunk executed nearly to its end": (lambda r: r["actions"].update(execution_horizon=14), "at most 13 steps do"),
    "delay counts": (
        lambda r: (r["actions"].update(execution_horizon=13), r["timing"].update(observation_delay_s=0.02)),
        "may take 0.07 s; at most 12 steps do"),
    "delay beyond age": (lambda r: r["timing"].update(observation_delay_s=0.15), "max_age_s is not above"),
    "input missing": (lambda r: r["policy"]["inputs"].pop(0), "no input of role observation is"),
    "input of no feature": (lambda r: r["observations"].pop(), "'observation.environment_state' is no observation"),
    "history": (lambda r: r["observations"][0].update(history=3), r"expected \[3, 8\]"),
    "horizon": (lambda r: r["actions"].update(horizon=20), r"'action' has shape \[16, 8\], expected \[20, 8\]"),
    "two noises": (
        lambda r: r["policy"]["inputs"].append({"name": "n2", "role": "noise", "shape": [16, 8]}), "2 tensors have"),
    "flat noise": (lambda r: r["policy"]["inputs"][2].update(shape=[128]), r"expected \(rows, channels\)"),
    "no action": (lambda r: r["policy"]["outputs"].pop(0), "0 tensors have the role action"),
    "output as input": (lambda r: r["policy"]["inputs"][2].update(role="action"), "has the role 'action' of an output"),
    "input as output": (lambda r: r["policy"]["outputs"][1].update(role="noise"), "has the role 'noise' of an input"),
    "same tensor twice": (lambda r: r["policy"]["outputs"][1].update(name="noise"), "tensor 'noise' appears twice"),
    "embedding matrix": (lambda r: r["policy"]["outputs"][1].update(shape=[3, 4]), "expected one dimension"),
    "parity of another output": (lambda r: r["parity"].update(max_abs_error={"action": 0.0}), "max_abs_error names"),
    "parity exceeded": (lambda r: r["parity"]["max_abs_error"].update(action=1e-4), "exceeds the tolerance"),
    "more successes than episodes": (lambda r: r["provenance"].update(success=success(11, 0, 1)), "11 successes in 10"),
    "rate outside interval": (lambda r: r["provenance"].update(success=success(1, 0.5, 1)), "outside its interval"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_contradiction(name):
    change, said = CASES[name]
    assert any(re.search(said, sentence) for sentence in found(change)), found(change)


def test_what_is_allowed():
    assert found(wrench()) == [] and found(twist()) == []
    assert found(lambda r: r["actions"].update(execution_horizon=13)) == []  # 3 x 20 ms are left for a budget of 50 ms
    remaining = {"replan": "on_remaining", "remaining_steps": 2}
    early = lambda r: (r["actions"].update(execution_horizon=16), r["timing"].update(chunking=remaining))  # noqa: E731
    assert found(early) == []
    assert found(lambda r: r["provenance"].update(success=success(9, 0.6, 0.99))) == []
    assert found(lambda r: action(r)["offset"].__setitem__(3, -1.5)) == []
    assert found(lambda r: pose_term(r).update(axes=["cube_x", "cube_y", "cube_z", "qx", "qy", "qz", "qw"])) == []
