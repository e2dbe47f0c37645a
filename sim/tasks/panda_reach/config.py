"""Settings of Panda-Reach."""

from __future__ import annotations

from dataclasses import dataclass

from sim.errors import TaskError

__all__ = ["PandaReachConfig"]


@dataclass(frozen=True)
class PandaReachConfig:
    """Rewards follow Isaac Lab's reach task (distance, tanh kernel, action rate, joint speed).

    Attributes:
        physics_dt: physics step [s].
        decimation: physics steps per control step; 10 of 2 ms are 50 Hz.
        episode_s: length of an episode [s].
        action_scale: joint target = home + action_scale * action, clipped to the position limits [rad].
        goal_spread: goals are tool positions at home + uniform(-spread, spread) per joint [rad]; at most
            ``action_scale``, so that every goal can be commanded with actions in [-1, 1].
        goal_count: number of goal positions drawn once per task, from which episodes pick.
        min_height: goals below this are not used [m].
        start_noise: half width of the initial joint offset [rad].
        distance_weight, fine_weight, fine_scale: -w * d, and w * (1 - tanh(d / scale)) [1/m, 1, m].
        action_rate_weight, joint_speed_weight: cost of squared action change and squared joint speed.
        success_distance: counted as reached in the log [m].
    """

    physics_dt: float = 0.002
    decimation: int = 10
    episode_s: float = 3.0
    action_scale: float = 0.6
    goal_spread: float = 0.5
    goal_count: int = 2048
    min_height: float = 0.1
    start_noise: float = 0.1
    distance_weight: float = 2.0
    fine_weight: float = 1.0
    fine_scale: float = 0.1
    action_rate_weight: float = 1e-2
    joint_speed_weight: float = 1e-3
    success_distance: float = 0.02

    def __post_init__(self) -> None:
        if not 0.0 < self.goal_spread <= self.action_scale:
            raise TaskError(
                f"goal_spread {self.goal_spread} is not in (0, action_scale = {self.action_scale}].",
                "goals beyond the commandable joint range cannot be reached.",
            )
        for name in ("physics_dt", "decimation", "episode_s", "goal_count", "fine_scale", "success_distance"):
            if getattr(self, name) <= 0:
                raise TaskError(f"{name} is {getattr(self, name)}.", "use a value above 0.")
