"""The fast loop of the policy node, on a node that only remembers what it was asked for."""

from types import SimpleNamespace

import numpy as np
import pytest

from policy_nodes.bundle.load import load_bundle
from policy_nodes.inference.reactive import observation_buffer
from policy_nodes.nodes.reactions import Reactions
from tests.policy_nodes.bundle_fixture import ACTIONS
from tests.policy_nodes.reactive_bundle import GAIN, make_reactive_bundle

STEP, START = 20_000_000, 10**12


class Node:
    """Timers and warnings of a node."""

    def __init__(self):
        self.timers, self.said = [], []

    def create_timer(self, period_s, callback):
        self.timers.append((period_s, callback))
        return self.timers[-1]

    def destroy_timer(self, timer):
        self.timers.remove(timer)

    def get_logger(self):
        return SimpleNamespace(warning=lambda text, **_: self.said.append(text))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return load_bundle(make_reactive_bundle(tmp_path_factory.mktemp("reactions")))


@pytest.fixture
def rig(bundle):
    made = SimpleNamespace(node=Node(), buffer=observation_buffer(bundle.manifest), sent=[], now=START)
    made.reactions = Reactions(made.node, bundle, made.buffer, made.sent.append, lambda: made.now)
    return made


def plan(stamp):
    """What the slow half hands over: only stamp and latent are read."""
    latent = np.full((1, ACTIONS), 0.5, np.float32)
    return SimpleNamespace(chunk=SimpleNamespace(stamp_ns=stamp), output=SimpleNamespace(latent=latent))


def test_every_action_step_is_answered_from_what_was_felt_last(rig):
    rig.reactions.start()
    ((period, react),) = rig.node.timers
    assert period == 0.02
    react()
    assert rig.sent == []  # no plan yet
    rig.reactions.take(plan(START))
    for step in range(3):
        rig.now = START + step * STEP
        rig.buffer.push("joint_position", rig.now, np.full(ACTIONS, 0.1))
        react()
    assert [chunk.stamp_ns for chunk in rig.sent] == [START, START + STEP, START + 2 * STEP]
    assert [chunk.values[0, 0] for chunk in rig.sent] == pytest.approx([0.5 + GAIN * 0.1 * k for k in (1, 2, 3)])
    assert rig.reactions.values()["reactions"] == "3" and rig.reactions.trouble() == ""


def test_what_cannot_be_felt_is_silence_that_is_named(rig):
    rig.reactions.start()
    rig.reactions.take(plan(START))
    rig.node.timers[0][1]()
    assert rig.sent == [] and "'joint_position' was never received" in rig.node.said[0]
    assert rig.reactions.trouble() and rig.reactions.values()["reactions refused"] == "1"
    rig.buffer.push("joint_position", START, np.zeros(ACTIONS))
    rig.node.timers[0][1]()
    assert len(rig.sent) == 1 and rig.reactions.trouble() == ""


def test_a_new_start_knows_no_old_plan_and_a_stop_ends_the_timer(rig):
    rig.reactions.start()
    rig.reactions.take(plan(START))
    rig.reactions.start()
    assert len(rig.node.timers) == 1
    rig.buffer.push("joint_position", START, np.zeros(ACTIONS))
    rig.node.timers[0][1]()
    assert rig.sent == []
    rig.reactions.stop()
    rig.reactions.stop()
    assert rig.node.timers == []
