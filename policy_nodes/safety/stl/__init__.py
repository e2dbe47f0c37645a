"""Signal temporal logic: what must always, eventually or never have happened, judged while the robot moves."""

from __future__ import annotations

from policy_nodes.safety.stl.formula import Formula
from policy_nodes.safety.stl.offline import bounds, robustness
from policy_nodes.safety.stl.online import Monitor
from policy_nodes.safety.stl.parser import parse

__all__ = ["Formula", "Monitor", "bounds", "parse", "robustness"]
