"""What a launch file comes to: its arguments and the node processes to start."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class LaunchArgument:
    """An argument that a launch file declares.

    Attributes:
        name: as in ``name:=value``.
        default: its default with substitutions unresolved; None when a value must be given.
        description: what it means.
    """

    name: str
    default: str | None = None
    description: str = ""


@dataclass(frozen=True)
class NodeProcess:
    """One node process, everything resolved.

    Attributes:
        name: key of the process: node name, or the executable's.
        command: full argument vector.
        env: variables to set on top of the runner's environment.
        respawn: start again whenever it ends.
        respawn_delay: seconds before that.
        output: ``screen``, ``log`` or ``both``.
    """

    name: str
    command: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    respawn: bool = False
    respawn_delay: float = 0.0
    output: str = "log"
