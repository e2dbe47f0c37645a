"""Does simulating the backup keep random policies off a wall and a person, and what does it cost a good policy?

    python benchmarks/recoverability.py [--episodes 10000] [--workers 2] [--mujoco 50]

Random policies steer a seven-joint Panda for 1.5 seconds at 50 Hz in front of a wall and a person who stands beside it.
Chunks change direction every 160 ms, half of them go straight ahead. Three arms run the same episodes (same seeds):

    limits only      joint limits, nothing that knows the scene
    recoverability   the backup is simulated after every candidate command; the policy is stopped while that succeeds
    barrier filter   the quadratic program steers instead, with recoverability behind it

A violation is a configuration, after a command or on the way to rest, in which a body is nearer than its margin. It is
found by geometry that shares no code with the layer: products of the DH table's matrices, and sampled points of every
body. The first two arms run many episodes abreast: the limiter treats the joints of all of them as one long vector, and
the layer's own check is asked for every episode that its cheap bound does not decide. The first episodes are repeated
with the commander as the robot has it, and the outcomes compared. With --mujoco some episodes are replayed on MuJoCo's
Panda with servo dynamics, and contacts with a real wall are counted.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from dataclasses import dataclass

import numpy as np
from safety import READY, chain, conditions, config

from policy_nodes.safety.backup import JerkLimitedStop
from policy_nodes.safety.chunks import Wanted
from policy_nodes.safety.commander import Commander
from policy_nodes.safety.filter.safety_filter import Infeasible
from policy_nodes.safety.limits import JointLimiter, Motion
from policy_nodes.safety.recoverability import NotRecoverable

WALL_X, PERSON = 0.7, (0.35, -0.75, 0.5)
PERSON_RADIUS, MARGIN = 0.25, 0.01
DT = 0.02
EPISODE_S, CHUNK_S = 1.5, 0.16
BODIES = {
    "hand": ("tool", (0, 0, -0.1), (0, 0, 0), 0.05),
    "wrist": ("joint6", (0, 0, 0), (0.088, 0, 0), 0.06),
    "elbow": ("joint4", (0, 0, 0), (0, 0, 0), 0.08),
}
ARMS = ("limits only", "recoverability", "barrier filter")
ABREAST = ARMS[:2]


def section(adjust: bool) -> dict[str, object]:
    """The scene for the layer."""
    bodies: list[dict[str, object]] = []
    for name, (link, start, end, radius) in BODIES.items():
        body: dict[str, object] = {"name": name, "link": link, "start": list(start), "radius": radius}
        bodies.append(body if end == start else {**body, "end": list(end)})
    wall = {"name": "wall", "point": [WALL_X, 0, 0], "normal": [-1, 0, 0], "margin": MARGIN}
    person = {"name": "person", "position": list(PERSON), "radius": PERSON_RADIUS, "margin": MARGIN}
    return {"chain": chain(), "bodies": bodies, "planes": [wall], "obstacles": [person], "adjust": adjust}


def commander(arm: str) -> Commander:
    """The layers of one arm of the experiment."""
    if arm == "limits only":
        return Commander(config(), DT)
    return Commander(config(filter=section(arm == "barrier filter"), recoverability={"horizon_s": 0.8}), DT)


class Judge:
    """Clearance of a configuration, by plain matrix products and points along the bodies; no code of the layer."""

    def __init__(self) -> None:
        self._fixed = [
            (str(link["name"]), np.array(link["fixed"], dtype=float), link.get("kind") != "fixed") for link in chain()
        ]
        self._points = {
            name: (link, np.linspace(start, end, 1 if start == end else 9), radius)
            for name, (link, start, end, radius) in BODIES.items()
        }

    def clearance(self, joints: np.ndarray) -> np.ndarray:
        """Smallest distance (T,) in m of any body from wall or person, for configurations (T, 7); < 0 in contact."""
        frames, pose, k = {}, np.broadcast_to(np.eye(4), (len(joints), 4, 4)), 0
        for name, fixed, turns in self._fixed:
            pose = pose @ fixed
            if turns:
                turn = np.broadcast_to(np.eye(4), (len(joints), 4, 4)).copy()
                turn[:, 0, 0] = turn[:, 1, 1] = np.cos(joints[:, k])
                turn[:, 1, 0] = np.sin(joints[:, k])
                turn[:, 0, 1] = -turn[:, 1, 0]
                pose, k = pose @ turn, k + 1
            frames[name] = pose
        lowest = np.full(len(joints), np.inf)
        for link, points, radius in self._points.values():
            at = points @ frames[link][:, :3, :3].transpose(0, 2, 1) + frames[link][:, None, :3, 3]
            person = np.linalg.norm(at - np.array(PERSON), axis=-1) - PERSON_RADIUS
            nearest = np.minimum(WALL_X - at[..., 0], person).min(axis=1)
            lowest = np.minimum(lowest, nearest - radius)
        return lowest


@dataclass
class Outcome:
    """One episode: closest approach (m), whether the policy was stopped, and the commands."""

    clearance: float
    stopped: bool
    commands: list[np.ndarray]


def random_policy(seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """(wanted position, velocity) per tick: velocities drawn anew for every chunk, a third of them straight ahead."""
    rng = np.random.default_rng(seed)
    speed = np.array([2.175] * 4 + [2.61] * 3)
    forward = np.array([0.0, 0.6, 0.0, 0.6, 0.0, -0.3, 0.0])
    position, wanted = READY.copy(), []
    ticks, length = round(EPISODE_S / DT), round(CHUNK_S / DT)
    for tick in range(ticks):
        if tick % length == 0:
            velocity = rng.uniform(-1, 1, 7) * speed * rng.uniform(0.1, 1.0)
            if rng.random() < 1 / 2:
                velocity = forward * speed * rng.uniform(0.3, 1.0)
        position = position + velocity * DT
        wanted.append((position, velocity))
    return wanted


def episode(layers: Commander, judge: Judge, seed: int) -> Outcome:
    """Follow a random policy until it is stopped; then the stop, to rest."""
    layers.begin(READY)
    terms: dict[str, np.ndarray] = {}
    commands, stopped, now = [], False, 0
    for position, velocity in random_policy(seed):
        now += round(DT * 1e9)
        # Plans start where the robot is: a target that ran away would be refused by the governor.
        near = layers.motion.position + np.clip(position - layers.motion.position, -0.4, 0.4)
        try:
            command = layers.follow(Wanted(near, velocity), terms)
        except (NotRecoverable, Infeasible):
            stopped = True
            break
        commands.append(command)
    layers.start_backup(now, "jerk_limited_stop")
    rest = False
    while not rest:
        now += round(DT * 1e9)
        command, rest = layers.back_up(now, terms)
        commands.append(command)
    return Outcome(float(judge.clearance(np.array(commands)).min()), stopped, commands)


def abreast(arm: str, seeds: range, judge: Judge) -> list[tuple[float, bool]]:
    """Closest approach and whether the policy was stopped, for episodes that run side by side; as :func:`episode`."""
    count, joints = len(seeds), config().joints
    limiter, layer = JointLimiter(joints * count, DT), commander(arm).recoverability
    policies = np.array([random_policy(seed) for seed in seeds])  # (E, T, 2, 7)
    motion, active = Motion.rest(np.tile(READY, count)), np.ones(count, dtype=bool)
    commands = []
    for tick in range(policies.shape[1]):
        wanted, velocity = policies[:, tick, 0].reshape(-1), policies[:, tick, 1].reshape(-1)
        near = motion.position + np.clip(wanted - motion.position, -0.4, 0.4)
        after = motion.then(limiter.next(motion, near, velocity), DT)
        if layer is not None:
            states = np.stack([after.position, after.velocity, after.acceleration]).reshape(3, count, 7)
            for k in np.flatnonzero(active & ~layer.plainly(*states, {})):
                active[k] = layer.why_not(Motion(*states[:, k]), {}) is None
        goes_on = np.repeat(active, 7)
        # A stopped episode waits in the state in which the backup takes over.
        motion = Motion(
            np.where(goes_on, after.position, motion.position),
            np.where(goes_on, after.velocity, motion.velocity),
            np.where(goes_on, after.acceleration, motion.acceleration),
        )
        commands.append(motion.position)
    stop, now = JerkLimitedStop(limiter.limits), 0
    stop.start(now, motion.position, motion.velocity, motion.acceleration)
    while not stop.finished(now):
        now += 1
        commands.append(stop.command(now))
    closest = judge.clearance(np.array(commands).reshape(-1, 7)).reshape(-1, count).min(axis=0)
    return list(zip(closest.tolist(), (~active).tolist(), strict=True))


def run_some(job: tuple[str, int, int]) -> tuple[str, list[tuple[float, bool]], float]:
    """Episodes ``first`` to ``last`` of one arm; closest approaches, stops, and CPU seconds."""
    arm, first, last = job
    layers, judge, began = commander(arm), Judge(), time.process_time()
    if arm in ABREAST:
        found = abreast(arm, range(first, last), judge)
    else:
        found = [(o.clearance, o.stopped) for o in (episode(layers, judge, seed) for seed in range(first, last))]
    return arm, found, time.process_time() - began


def compare(count: int) -> None:
    """The first ``count`` episodes abreast and one by one.

    Raises:
        AssertionError: they differ.
    """
    judge = Judge()
    for arm in ABREAST:
        layers = commander(arm)
        single = [episode(layers, judge, seed) for seed in range(count)]
        for one, (clearance, stopped) in zip(single, abreast(arm, range(count), judge), strict=True):
            assert one.stopped == stopped, f"{arm}: stopped {one.stopped}, abreast {stopped}"
            assert abs(one.clearance - clearance) < 1e-6, f"{arm}: {one.clearance}, abreast {clearance}"
    print(f"abreast as one by one: the first {count} episodes")


def experiment(episodes: int, workers: int, minutes: float) -> None:
    """The table; says how many episodes of the slowest row the time was enough for."""
    until = time.monotonic() + 60.0 * minutes
    step = 100
    # The rows that decide the question first: the filter's is the slowest.
    order = [*ABREAST, ARMS[2]]
    jobs = [(arm, k, min(k + step, episodes)) for arm in order for k in range(0, episodes, step)]
    found: dict[str, list[tuple[float, bool]]] = {arm: [] for arm in ARMS}
    seconds = dict.fromkeys(ARMS, 0.0)
    with multiprocessing.Pool(workers) as pool:
        for arm, part, used in pool.imap_unordered(run_some, jobs):
            found[arm] += part
            seconds[arm] += used
            if time.monotonic() > until:
                break
    columns = f"{'episodes':>9}{'contact':>9}{'in margin':>11}{'closest mm':>12}{'policy stopped':>16}{'CPU s':>8}"
    print(f"\n{'layers':<18}{columns}")
    for arm, outcomes in found.items():
        if not outcomes:
            continue
        clearances = np.array([clearance for clearance, _ in outcomes])
        stops = sum(stopped for _, stopped in outcomes)
        inside = int((clearances < MARGIN - 1e-5).sum())
        print(
            f"{arm:<18}{len(outcomes):9d}{int((clearances < 0).sum()):9d}{inside:11d}{1e3 * clearances.min():12.2f}"
            f"{stops / len(outcomes):16.1%}{seconds[arm]:8.0f}",
            flush=True,
        )


def on_mujoco(count: int) -> None:
    """Contacts of the real model with a real wall, commands of the first ``count`` episodes replayed through servos."""
    import mujoco

    from sim.robots import panda

    print(f"\nMuJoCo, {count} episodes with servo dynamics: contacts between arm and wall")
    for arm in ARMS[:2]:
        spec = mujoco.MjSpec()
        spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
        spec.attach(panda.robot_spec(), prefix=panda.PREFIX, frame=spec.worldbody.add_frame())
        spec.worldbody.add_geom(
            name="wall", type=mujoco.mjtGeom.mjGEOM_BOX, size=[0.02, 2, 2], pos=[WALL_X + 0.02, 0, 1]
        )
        model = spec.compile()
        wall = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_GEOM, "wall")
        data, layers, judge, hits = mujoco.MjData(model), commander(arm), Judge(), 0
        for seed in range(count):
            mujoco.mj_resetData(model, data)
            data.qpos[:7] = data.ctrl[:7] = READY
            touched = False
            for command in episode(layers, judge, seed).commands:
                data.ctrl[:7] = command
                mujoco.mj_step(model, data, nstep=round(DT / model.opt.timestep))
                touched = touched or any(wall in data.contact[i].geom for i in range(data.ncon))
            hits += touched
        print(f"  {arm:<18}{hits:4d} of {count}")


def per_tick() -> None:
    """Cost of the check alone."""
    layers = commander("recoverability")
    assert layers.recoverability is not None
    times, check = [], layers.recoverability.why_not

    def timed(*arguments: object) -> str | None:
        start = time.perf_counter_ns()
        found = check(*arguments)  # type: ignore[arg-type]
        times.append((time.perf_counter_ns() - start) / 1e3)
        return found

    layers.recoverability.why_not = timed  # type: ignore[method-assign, assignment]
    judge = Judge()
    for seed in range(20):
        episode(layers, judge, seed)
    share = layers.recoverability.simulated_ticks / len(times)
    print(
        f"\ncost per tick: median {np.median(times):.0f} us, p99 {np.percentile(times, 99):.0f} us, largest "
        f"{max(times):.0f} us; the backup was simulated in {share:.0%} of {len(times)} ticks"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=120.0, help="longest time for the table")
    parser.add_argument("--mujoco", type=int, default=50)
    args = parser.parse_args()
    conditions()
    compare(min(20, args.episodes))
    experiment(args.episodes, args.workers, args.minutes)
    per_tick()
    if args.mujoco:
        on_mujoco(args.mujoco)
    conditions()


if __name__ == "__main__":
    main()
