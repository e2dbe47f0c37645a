"""A million random and adversarial commands against the joint limiter: none may leave a limit.

    python benchmarks/fuzz_limits.py [--commands 1000000]

Every joint of a wide robot has random limits and a policy of its own that changes between noise, steps between the ends
of the range, chasing the limit at full speed, resonance at the braking time, absurd values and standing still. Reported
is the largest share of each limit that the commands' finite differences used; 1.0 is the limit.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from policy_nodes.safety.config import JointLimit
from policy_nodes.safety.limits import JointLimiter, Motion

DT = 0.01


def joint(rng: np.random.Generator, index: int) -> JointLimit:
    """Random limits, from a stiff finger to a slow base."""
    low, width = rng.uniform(-3, 1), 10 ** rng.uniform(-1.3, 0.8)
    velocity = width * 10 ** rng.uniform(-1, 0.8)
    acceleration = velocity * 10 ** rng.uniform(-0.3, 1.3)
    values = {"position_min": low, "position_max": low + width, "velocity": velocity, "acceleration": acceleration}
    return JointLimit.model_validate({"name": f"j{index}", **values, "jerk": acceleration * 10 ** rng.uniform(0, 2.3)})


def fuzz(joints: int, ticks: int, seed: int) -> dict[str, float]:
    """Largest share of each limit used by ``joints`` x ``ticks`` commands; position counts from the middle."""
    rng = np.random.default_rng(seed)
    limits = [joint(rng, k) for k in range(joints)]
    limiter = JointLimiter(limits, DT)
    lim = limiter.limits
    middle, half = (lim.low + lim.high) / 2, (lim.high - lim.low) / 2
    motion = Motion.rest(rng.uniform(lim.low, lim.high))
    worst = dict.fromkeys(("position", "velocity", "acceleration", "jerk"), 0.0)
    kind, phase = rng.integers(0, 6, joints), rng.uniform(0, 6, joints)
    braking = lim.velocity / lim.acceleration
    for tick in range(ticks):
        change = rng.random(joints) < 0.02
        kind = np.where(change, rng.integers(0, 6, joints), kind)
        swing = np.sin(phase + tick * DT * np.pi / np.maximum(braking, DT))
        wanted = np.choose(
            kind,
            [
                middle + half * rng.uniform(-1, 1, joints),
                np.where(rng.random(joints) < 0.5, lim.low, lim.high),
                motion.position + lim.velocity * DT * np.sign(swing),
                middle + half * np.sign(swing),
                rng.choice([-1e6, 1e6], joints),
                motion.position,
            ],
        )
        velocity = np.choose(kind, [rng.normal(0, 3, joints) * lim.velocity, *[np.zeros(joints)] * 5])
        after = motion.then(limiter.next(motion, wanted, velocity if tick % 3 else None), DT)
        used = {
            "position": np.abs(after.position - middle) / half,
            "velocity": np.abs(after.velocity) / lim.velocity,
            "acceleration": np.abs(after.acceleration) / lim.acceleration,
            "jerk": np.abs(after.acceleration - motion.acceleration) / DT / lim.jerk,
        }
        worst = {name: max(worst[name], float(share.max())) for name, share in used.items()}
        motion = after
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", type=int, default=1_000_000)
    commands, joints = parser.parse_args().commands, 2000
    began = time.process_time()
    ticks = max(1, commands // joints)
    worst = fuzz(joints, ticks, seed=1)
    print(f"{joints * ticks} commands, {time.process_time() - began:.0f} s of one core")
    for name, share in worst.items():
        print(f"  {name:<14}{share:.9f} of its limit")
    raise SystemExit(max(worst.values()) > 1.0 + 1e-6)


if __name__ == "__main__":
    main()
