"""Random and adversarial commands by the hundred thousand: every joint of a wide robot is a trial of its own.

The limiter is elementwise, so thousands of independent joints with limits of their own are fuzzed in one call. The full
million is ``python benchmarks/fuzz_limits.py``.
"""

import importlib.util
from pathlib import Path

import numpy as np

FUZZ = Path(__file__).parents[3] / "benchmarks" / "fuzz_limits.py"


def load():
    spec = importlib.util.spec_from_file_location("fuzz_limits", FUZZ)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_sequence_of_commands_leaves_the_limits():
    worst = load().fuzz(joints=1000, ticks=120, seed=0)
    assert max(worst.values()) <= 1.0 + 1e-6, worst
    assert worst["jerk"] > 0.99 and worst["velocity"] > 0.9  # it was pushed to the limits


def test_the_fuzz_would_notice():
    """The same commands past a limiter that does not brake early leave the position range."""
    module = load()
    exact = module.JointLimiter.next

    def clamp(self, motion, wanted, wanted_velocity=None):
        step = self.limits.velocity * self.limits.dt
        return np.clip(wanted, motion.position - step, motion.position + step)

    module.JointLimiter.next = clamp
    try:
        assert max(module.fuzz(joints=50, ticks=60, seed=0).values()) > 1.0
    finally:
        module.JointLimiter.next = exact
