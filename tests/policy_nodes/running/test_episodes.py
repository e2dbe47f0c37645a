"""Episodes on nodes that are scripted: what is tried, in which order, and what counts as success."""

from types import SimpleNamespace

import numpy as np
import pytest

from policy_nodes.running.episodes import (
    LASTS_S,
    SCENES,
    EpisodeResult,
    finish_episode,
    new_scene,
    resume,
    start_episode,
)
from policy_nodes.running.session import RunError

pytestmark = pytest.mark.pure


class Session:
    """Keeps a diary; every service call and wait is answered from a plan."""

    def __init__(self, state="READY", episode="", refuse_enable=0, refuse_reset=0, reason=""):
        self.diary, self.refuse = [], {"enable": refuse_enable, "reset": refuse_reset}
        state = SimpleNamespace(state=state, reason=reason)
        view = SimpleNamespace(state=state, episode=episode, episode_index=0, joint_velocity=np.zeros(2))
        self.operator = SimpleNamespace(
            view=view, now_ns=self.now, call=self.call, wait_for=self.wait_for, pause=lambda *_: self.note("pause")
        )
        self.time = 0

    def note(self, what):
        self.diary.append(what)

    def now(self):
        self.time += 1_000_000_000
        return self.time

    def call(self, name, data=None, timeout_s=5.0):
        self.note(name)
        if name == "new_episode":
            self.operator.view.episode_index += 1
        return True, ""

    def wait_for(self, condition, timeout_s, interval=None):
        self.note(f"wait {timeout_s:g}")
        return condition(self.operator.view)

    def _insist(self, what):
        self.note(what)
        if self.refuse[what] > 0:
            self.refuse[what] -= 1
            raise RunError(f"{what} refused", "wait")

    def enable(self, timeout_s=5.0):
        self._insist("enable")
        self.operator.view.state.state = "ACTIVE"

    def reset(self, timeout_s=5.0):
        self._insist("reset")
        self.operator.view.state.state = "READY"

    def disable(self):
        self.note("disable")

    def move_home(self):
        self.note("move_home")
        return True

    def check_processes(self):
        self.note("check")

    def wait_state(self, *states, timeout_s):
        self.note(f"wait for {'/'.join(states)}")
        return True


def only(session, *kinds):
    return [entry for entry in session.diary if entry in kinds]


def test_an_episode_begins_with_a_new_scene_that_was_seen():
    session = Session()
    assert start_episode(session) == 1_000_000_000
    assert session.diary == ["new_episode", "wait 2", "pause", "enable"]


def test_a_robot_in_motion_is_brought_to_rest_first():
    session = Session(state="ACTIVE")
    start_episode(session)
    assert session.diary[0] == "disable" and session.diary[-1] == "enable"


def test_a_scene_that_the_monitor_refuses_is_replaced():
    session = Session(refuse_enable=2)
    start_episode(session)
    tried = ["new_episode", "enable", "move_home"]  # what is refused may be where the robot stands
    assert only(session, *tried) == [*tried, *tried, "new_episode", "enable"]


def test_when_every_scene_is_refused_the_last_refusal_is_told():
    session = Session(refuse_enable=99)
    with pytest.raises(RunError, match="enable refused"):
        start_episode(session)
    assert len(only(session, "enable")) == SCENES == len(only(session, "new_episode"))


def test_a_success_is_waited_for_until_the_robot_stands():
    session = Session(episode="success")
    result = finish_episode(session, 3, 0, 20.0)
    assert result == EpisodeResult(3, True, 0, 1_000_000_000, "") and result.duration_s == 1.0
    assert session.diary == ["wait 20", "wait 2.5", "disable"]


def test_a_failure_and_a_timeout_end_in_rest():
    for episode in ("failed", "running"):
        session = Session(episode=episode)
        result = finish_episode(session, 0, 0, 20.0)
        assert not result.success and result.stopped_by == "" and session.diary == ["wait 20", "disable"]


def test_a_stop_is_no_success_even_when_the_task_is_done():
    session = Session(state="STOPPED", episode="success", reason="estop")
    result = finish_episode(session, 0, 0, 20.0)
    assert not result.success and result.stopped_by == "estop"
    assert session.diary == ["wait 20", "wait for STOPPED", "new_episode", "reset"]  # what stopped it may lie there


def test_after_a_stop_the_same_scene_is_tried_first():
    session = Session(state="STOPPED")
    assert resume(session)
    assert session.diary == ["reset", "pause", "enable", "wait 1"]


def test_motion_that_is_stopped_at_once_is_none_and_the_next_attempt_begins_at_home():
    session = Session(state="STOPPED")
    endings = iter(["STOPPED", "ACTIVE"])  # stopped again within a second, then not

    def wait_for(condition, timeout_s, interval=None):
        if timeout_s == LASTS_S:
            session.operator.view.state.state = next(endings)
        return condition(session.operator.view)

    session.operator.wait_for = wait_for
    assert resume(session)
    tried = only(session, "reset", "move_home", "enable", "new_episode")
    assert tried == ["reset", "enable", "new_episode", "reset", "move_home", "enable"]


def test_then_new_scenes_while_all_nodes_live():
    session = Session(state="STOPPED", refuse_reset=1)
    assert resume(session)
    kinds = ("new_episode", "move_home", "enable")
    assert session.diary[:2] == ["reset", "check"] and only(session, *kinds) == list(kinds)


def test_and_at_last_it_gives_up():
    session = Session(state="STOPPED", refuse_reset=99)
    assert resume(session) is False and len(only(session, "reset")) == SCENES and only(session, "enable") == []


def test_a_node_that_ended_is_no_refusal():
    session = Session(refuse_enable=1)

    def ended():
        raise RunError("node 'policy_node' ended", "see its log")

    session.check_processes = ended
    with pytest.raises(RunError, match="policy_node"):
        resume(session)


def test_a_new_scene_is_waited_for():
    session = Session()
    new_scene(session)
    assert session.operator.view.episode_index == 1 and session.diary == ["new_episode", "wait 2", "pause"]
