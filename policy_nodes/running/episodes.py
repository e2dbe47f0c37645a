"""Episodes on the live nodes: new objects, enable, wait for the outcome, disable."""

from __future__ import annotations

from dataclasses import dataclass

from policy_nodes.running.session import RunError, Session

SETTLE_S = 2.5
"""Longest wait for the robot to return home after a success, before it is disabled."""
PLAN_S = 0.7
"""After a change of scene the first plans and verdicts of the new one must arrive before the policy may move."""
AT_REST = 0.02
"""Largest joint speed (rad/s, m/s) that counts as rest."""
LASTS_S = 1.0
"""Motion after a stop counts as resumed when nothing stops it for this long."""
STOPPING = ("BACKUP", "STOPPED")
SCENES = 5
"""How many scenes are tried until the safety node lets the policy move: the failure monitor may refuse some."""


@dataclass(frozen=True)
class EpisodeResult:
    """Outcome of one live episode; stamps are ROS time (ns)."""

    index: int
    success: bool
    start_ns: int
    end_ns: int
    stopped_by: str

    @property
    def duration_s(self) -> float:
        """From enable to the outcome."""
        return (self.end_ns - self.start_ns) / 1e9


def start_episode(session: Session) -> int:
    """Place the objects anew while the robot is disabled, then enable; returns the time of enabling (ns).

    Raises:
        RunError: motion is refused in scene after scene; names what is missing.
    """
    if session.operator.view.state.state != "READY":
        session.disable()
    for scene in range(SCENES):
        new_scene(session)
        try:
            session.enable(timeout_s=2.0)
            break
        except RunError:
            if scene == SCENES - 1:
                raise
            session.move_home()  # a robot that a stop left on its way may be what is refused
    return session.operator.now_ns()


def new_scene(session: Session) -> None:
    """Place the objects anew and wait until the policy has seen them."""
    operator = session.operator
    before = operator.view.episode_index
    operator.call("new_episode")
    operator.wait_for(lambda v: v.episode_index > before, 2.0, session.check_processes)
    operator.pause(PLAN_S, session.check_processes)


def resume(session: Session) -> bool:
    """Reset and enable after a stop, in the scene as it is, then from home in new ones, until motion lasts.

    A failure monitor may know a robot half-way no better than the scene that stopped it: it refuses, or stops at once.

    Returns:
        Whether the policy moves the robot again.
    """
    operator = session.operator
    for attempt in range(SCENES):
        try:
            if operator.view.state.state == "STOPPED":
                session.reset(timeout_s=2.0)
            if attempt:
                session.move_home()
            operator.pause(PLAN_S, session.check_processes)
            session.enable(timeout_s=2.0)
            if not operator.wait_for(lambda v: v.state.state in STOPPING, LASTS_S, session.check_processes):
                return True
            session.wait_state("STOPPED", timeout_s=5.0)
        except RunError:
            session.check_processes()  # a node that ended is no refusal
        new_scene(session)
    return False


def finish_episode(session: Session, index: int, start_ns: int, timeout_s: float) -> EpisodeResult:
    """Wait for the outcome of the episode under way; the robot is at rest and disabled afterwards."""
    operator = session.operator
    operator.wait_for(
        lambda v: v.episode in ("success", "failed") or v.state.state in STOPPING, timeout_s, session.check_processes
    )
    view, end_ns = operator.view, operator.now_ns()
    stopped_by = view.state.reason if view.state.state in STOPPING else ""
    success = view.episode == "success" and not stopped_by
    if success:
        operator.wait_for(lambda v: bool((abs(v.joint_velocity) < AT_REST).all()), SETTLE_S, session.check_processes)
    if view.state.state in STOPPING:
        session.wait_state("STOPPED", timeout_s=5.0)
        operator.call("new_episode")  # what stopped the policy may lie in the scene
        session.reset()
    else:
        session.disable()
    return EpisodeResult(index, success, start_ns, end_ns, stopped_by)
