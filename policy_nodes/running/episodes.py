"""Episodes on the live nodes: new objects, enable, wait for the outcome, disable."""

from __future__ import annotations

from dataclasses import dataclass

from policy_nodes.running.session import Session

SETTLE_S = 2.5
"""Longest wait for the robot to return home after a success, before it is disabled."""
AT_REST = 0.02
"""Largest joint speed (rad/s, m/s) that counts as rest."""


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
    """Place the objects anew while the robot is disabled, then enable; returns the time of enabling (ns)."""
    view = session.operator.view
    if view.state.state != "READY":
        session.disable()
    before = view.episode_index
    session.operator.call("new_episode")
    session.operator.wait_for(lambda v: v.episode_index > before, 2.0, session.check_processes)
    # The first plans and verdicts of the new scene must have arrived before the policy may move.
    session.operator.wait_for(lambda v: False, 0.7, session.check_processes)
    session.enable()
    return session.operator.now_ns()


def finish_episode(session: Session, index: int, start_ns: int, timeout_s: float) -> EpisodeResult:
    """Wait for the outcome of the episode under way; the robot is at rest and disabled afterwards."""
    operator = session.operator
    operator.wait_for(
        lambda v: v.episode in ("success", "failed") or v.state.state in ("BACKUP", "STOPPED"),
        timeout_s,
        session.check_processes,
    )
    view = operator.view
    result = EpisodeResult(
        index,
        view.episode == "success",
        start_ns,
        operator.now_ns(),
        view.state.reason if view.state.state in ("BACKUP", "STOPPED") else "",
    )
    if result.success:
        operator.wait_for(lambda v: bool((abs(v.joint_velocity) < AT_REST).all()), SETTLE_S, session.check_processes)
    if view.state.state in ("BACKUP", "STOPPED"):
        session.wait_state("STOPPED", timeout_s=5.0)
        session.reset()
    else:
        session.disable()
    return result
