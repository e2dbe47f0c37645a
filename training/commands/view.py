"""Look at a bundle in closed loop, at a task's expert, or at a batched task under zero actions.

Opens MuJoCo's viewer; --video writes a film instead and needs no display.

Examples:
    keel view examples/go1_velocity_flat.keel --command 0.8 0 0.3
    keel view examples/panda_pick_place.keel --seed 7 --video pick.webp
    keel view panda_pick_place                         (the scripted expert)
    keel view Humanoid --video humanoid.gif --seconds 3
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from tyro.conf import Positional

from policy_nodes.errors import ConfigError
from training.viewing.scenes import scene_of
from training.viewing.screens import Closed, Film, Window


@dataclass(frozen=True)
class Args:
    """Options of `keel view`."""

    what: Positional[str]
    """A bundle, a task of `keel collect`, or a task of the batched simulator."""
    video: Path | None = None
    """Write this film (.webp or .gif) instead of opening a window."""
    seconds: float = 10.0
    """Length (simulated)."""
    seed: int = 0
    """Of the world."""
    command: tuple[float, float, float] = (0.8, 0.0, 0.0)
    """Forward and lateral speed (m/s) and yaw rate (rad/s) for a gait."""
    width: int = 480
    """Of the film, pixels."""
    height: int = 320
    """Of the film, pixels."""
    fps: float = 12.5
    """Of the film."""


def run(args: Args) -> int:
    """Show it; returns the exit code.

    Raises:
        ConfigError: nothing of that name, no display, or a film of another kind.
    """
    if not args.seconds > 0:
        raise ConfigError(f"--seconds is {args.seconds}.", "give more than 0.")
    if args.seed < 0:
        raise ConfigError(f"--seed is {args.seed}.", "give 0 or more.")
    scene = scene_of(args.what, args.seconds, args.seed, args.command)
    screen: Film | Window
    if args.video is None:
        screen = Window(scene.model, scene.data)
    else:
        screen = Film(scene.model, args.video, args.width, args.height, args.fps)
    try:
        happened = scene.play(screen.show)
    except Closed:
        happened = "the window was closed"
    screen.close()
    written = "" if args.video is None else f"; {args.video}"
    Console(highlight=False).print(f"{happened}{written}")
    return 0
