"""Errors of the simulator; each carries a cause and a fix, as the command line expects of every clean error."""

from __future__ import annotations


class SimError(Exception):
    """An expected failure of the simulator.

    Args:
        cause: what is wrong, naming the item (file, joint, body, quantity).
        fix: what the user can do about it.
    """

    def __init__(self, cause: str, fix: str = "") -> None:
        super().__init__(cause if not fix else f"{cause} Fix: {fix}")
        self.cause = cause
        self.fix = fix


class RobotAssetsError(SimError):
    """A robot's model files are not on this machine."""


class RobotModelError(SimError):
    """A robot's model was found and is not the one the code was written for."""


class CommandError(SimError):
    """A command has the wrong shape or is not finite."""


class TaskError(SimError):
    """A task cannot be set up as configured."""


class RenderError(SimError):
    """No frame can be rendered as requested."""


class UnstableSimulationError(SimError):
    """The physics produced values that are not finite, or that MuJoCo flagged as diverging.

    Args:
        time: simulation time of the failure [s].
        cause: which quantity diverged and what MuJoCo said.
    """

    def __init__(self, time: float, cause: str) -> None:
        super().__init__(
            f"the simulation became unstable at t = {time:.3f} s: {cause}.",
            "reset the world; if it repeats, lower the command jumps or SimTiming.physics_dt.",
        )
        self.time = time
