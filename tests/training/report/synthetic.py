"""A run directory as the commands leave it, with plausible signals, small enough to be made in every test session."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from policy_nodes.bundle.hashing import manifest_digest, sha256_bytes

JOINTS = [f"panda_joint{index}" for index in range(1, 8)] + ["panda_finger_joint1"]
HOME = np.array([0.0, 0.2, 0.0, -2.2, 0.0, 2.4, 0.8, 0.04])
RATE_HZ = 50
STEP_S = 0.02
HORIZON = 16
EPISODE_S = 6.0
FAULTS = [  # name, description, reason, injected -> observable -> detected -> first backup, backup, state
    (
        "policy_stopped",
        "The policy process is stopped (SIGSTOP) in mid-motion.",
        "CHUNK_STALE",
        (0.0, 0.32, 0.34, 0.36),
        "jerk_limited_stop",
    ),
    (
        "observation_nan",
        "One joint position in the observation turns NaN.",
        "STATE_NOT_FINITE",
        (0.0, 0.004, 0.02, 0.02),
        "jerk_limited_stop",
    ),
    (
        "cube_moved",
        "The cube is moved out of the training distribution.",
        "FAILURE_ALARM",
        (0.0, 0.02, 0.26, 0.28),
        "hold",
    ),
]


def digest(text: str) -> str:
    return sha256_bytes(text.encode())


def manifest() -> dict:
    """A valid manifest of an 8-joint position policy."""
    term = {
        "name": "joint_position",
        "topic": "/joint_states",
        "message_type": "sensor_msgs/msg/JointState",
        "field": "position",
        "axes": JOINTS,
        "unit": ["rad"] * 7 + ["m"],
        "minimum": [-3.0] * 7 + [-0.01],
        "maximum": [4.0] * 7 + [0.05],
        "max_age_s": 0.1,
    }
    action = {
        "name": "arm",
        "joints": JOINTS,
        "mode": "position",
        "unit": ["rad"] * 7 + ["m"],
        "offset": [0.0] * 8,
        "stiffness": [400.0] * 8,
        "damping": [40.0] * 8,
        "minimum": [-3.0] * 7 + [0.0],
        "maximum": [4.0] * 7 + [0.04],
    }
    data = {
        "schema_version": 1,
        "name": "panda_pick_place",
        "robot": "panda",
        "task": "Pick the cube and place it at the goal",
        "observations": [{"name": "observation.state", "terms": [term], "history": 2, "history_step_s": STEP_S}],
        "actions": {
            "terms": [action],
            "command_topic": "/command",
            "command_type": "std_msgs/msg/Float64MultiArray",
            "horizon": HORIZON,
            "execution_horizon": 8,
            "step_s": STEP_S,
        },
        "timing": {"control_rate_hz": 50.0, "inference_budget_s": 0.08},
        "policy": {
            "family": "flow_matching",
            "sampler": "euler",
            "sampling_steps": 4,
            "parameters": 2_413_576,
            "inputs": [{"name": "observation.state", "role": "observation", "shape": [2, 8]}],
            "outputs": [{"name": "action", "role": "action", "shape": [HORIZON, 8]}],
        },
        "parity": {"samples": 64, "tolerance": 1e-5, "max_abs_error": {"action": 7.2e-7, "embedding": 1.9e-6}},
        "provenance": {
            "created": "2026-03-01T10:00:00+00:00",
            "keel_version": "0.1.0",
            "git_commit": "4f1c2d9e8b7a6f5e4d3c2b1a0f9e8d7c6b5a4f3e",
            "versions": {
                "torch": "2.13.0",
                "onnx": "1.20.0",
                "onnxruntime": "1.31.0",
                "numpy": "2.4.0",
                "mujoco": "3.11.0",
            },
            "dataset_sha256": digest("dataset"),
            "config_sha256": digest("config"),
            "statistics_sha256": digest("statistics"),
            "seed": 7,
            "training_steps": 12000,
        },
        "files": {"policy.onnx": digest("policy"), "parity.npz": digest("parity"), "safety.yaml": digest("safety")},
    }
    return {**data, "digest": manifest_digest(data)}


def write_bundle(root: Path, name: str = "panda_pick_place") -> Path:
    """A bundle's manifest and calibration summary."""
    bundle = root / f"{name}.keel"
    bundle.mkdir(parents=True)
    (bundle / "manifest.json").write_text(json.dumps(manifest()))
    signals = [
        {"name": "rnd", "window": 3, "threshold": 0.412, "maxima": [0.41, 0.412]},
        {"name": "entropy", "window": 3, "threshold": 3.07, "maxima": [3.0, 3.07]},
    ]
    meta = {"method": "fiper", "combination": "and", "policy_sha256": digest("policy"), "n": 50, "quantile": 0.95}
    meta |= {"samples": 32, "disjoint": True, "signals": signals}
    np.savez(bundle / "calibration.npz", meta=np.array(json.dumps(meta)), threshold=np.ones(3))
    return bundle


def write_training(root: Path) -> None:
    """A noisy decay with a validation loss every tenth record."""
    random = np.random.default_rng(0)
    lines = []
    for step in range(50, 12001, 50):
        loss = 0.03 + 0.9 * np.exp(-step / 900) * random.lognormal(0, 0.12)
        check = 0.036 + 0.9 * np.exp(-step / 900) if step % 500 == 0 else None
        lines.append(json.dumps({"step": step, "loss": loss, "validation_loss": check, "seconds": step / 50}))
    (root / "train").mkdir(parents=True)
    (root / "train/metrics.jsonl").write_text("\n".join(lines) + "\n")


def animation(path: Path, frames: int = 24, size: tuple[int, int] = (320, 240), noise: int = 0) -> None:
    """An arm that swings over a table; ``noise`` makes it hard to compress."""
    random = np.random.default_rng(1)
    images = []
    for index in range(frames):
        image = Image.new("RGB", size, "#d9dfe6")
        if noise:
            image = Image.fromarray(random.integers(0, noise, (size[1], size[0], 3), dtype=np.uint8))
        draw = ImageDraw.Draw(image)
        draw.rectangle((0, 0.75 * size[1], size[0], size[1]), fill="#8d99a6")
        base = np.array([0.3 * size[0], 0.75 * size[1]])
        angle = -1.9 + 1.2 * index / frames
        elbow = base + 0.4 * size[1] * np.array([np.cos(angle), np.sin(angle)])
        hand = elbow + 0.35 * size[1] * np.array([np.cos(angle + 1.1), np.sin(angle + 1.1)])
        draw.line([*base, *elbow, *hand], fill="#f6f7f9", width=16, joint="curve")
        draw.line([*base, *elbow, *hand], fill="#1b2430", width=3)
        draw.rectangle((0.7 * size[0], 0.69 * size[1], 0.75 * size[0], 0.75 * size[1]), fill="#d55e00")
        images.append(image)
    path.parent.mkdir(parents=True, exist_ok=True)
    images[0].save(path, save_all=True, append_images=images[1:], duration=100, loop=0, quality=60, method=0)


def write_evaluation(root: Path, episodes: int = 60, failures: tuple[int, ...] = (23, 47)) -> None:
    """Episodes, scores and two rollouts."""
    random = np.random.default_rng(2)
    records, scores = [], {}
    for index in range(episodes):
        success = index not in failures
        t = np.arange(0, 3.6 + random.uniform(0, 1.5) if success else 8.0, 0.16)
        base = (
            0.42 + 0.1 * np.sin(2 * t + random.uniform(0, 6)) + random.normal(0, 0.03, len(t)).cumsum().clip(-0.2, 0.35)
        )
        rise = 0.0 if success else np.clip(t - 2.5, 0, 3) * 0.5
        rnd, entropy = np.abs(base + rise), np.abs(0.5 + 0.15 * np.cos(3 * t) + random.normal(0, 0.05, len(t)) + rise)
        fiper = np.minimum(rnd, entropy)
        scores |= {f"time_{index}": t, f"rnd_{index}": rnd, f"entropy_{index}": entropy, f"fiper_{index}": fiper}
        alarm = np.flatnonzero(fiper > 1)
        records.append(
            {
                "seed": 10_000 + index,
                "success": success,
                "steps": 50 * int(t[-1]),
                "duration_s": float(t[-1]),
                "outcome": "placed" if success else "cube_dropped",
                "alarms": len(alarm),
                "first_alarm_s": float(t[alarm[0]]) if len(alarm) else None,
                "stopped_by": None,
            }
        )
    wins = episodes - len(failures)
    share, z = wins / episodes, 1.959964
    middle, half = (
        (share + z**2 / (2 * episodes)) / (1 + z**2 / episodes),
        z / (1 + z**2 / episodes) * np.sqrt(share * (1 - share) / episodes + (z / (2 * episodes)) ** 2),
    )
    times = random.lognormal(np.log(2.3), 0.16, 4000)
    counts, edges = np.histogram(times, bins=np.geomspace(0.5, 50, 81))
    document = {
        "bundle": "panda_pick_place.keel",
        "policy_sha256": digest("policy"),
        "task": "Pick the cube and place it at the goal",
        "confidence": 0.95,
        "episodes": records,
        "successes": wins,
        "interval": [middle - half, min(1.0, middle + half)],
        "inference_ms": {
            "p50": float(np.median(times)),
            "p99": float(np.quantile(times, 0.99)),
            "max": float(times.max()),
        },
        "inference_histogram_ms": {"edges": edges.tolist(), "counts": counts.tolist()},
        "machine": {"cpu": "Example CPU 2.4 GHz", "cores": 2, "memory_gb": 8, "system": "Linux 6.8"},
    }
    folder = root / "evaluation"
    folder.mkdir(parents=True)
    (folder / "evaluation.json").write_text(json.dumps(document))
    np.savez(folder / "scores.npz", **scores)
    for index in (0, *failures[:1]):
        seed = 10_000 + index
        animation(folder / f"rollout_{seed}.webp")
        frames = [0.1 * frame for frame in range(24)]
        (folder / f"rollout_{seed}.json").write_text(
            json.dumps({"seed": seed, "success": index == 0, "frames": frames})
        )


def _move(phase: np.ndarray) -> np.ndarray:
    """Minimum-jerk profile from 0 to 1."""
    s = np.clip(phase, 0, 1)
    return s**3 * (10 - 15 * s + 6 * s**2)


def _wanted(t: np.ndarray, episode_start: float) -> np.ndarray:
    """Pick-and-place like joint path within one episode, (N, 8)."""
    u = (t - episode_start)[:, None]
    reach, lift, carry = _move(u / 1.6), _move((u - 1.9) / 1.0), _move((u - 2.7) / 1.6)
    delta = (
        np.array([0.45, 0.55, 0.1, -0.35, 0.05, 0.4, 0.5, 0.0]) * reach
        + np.array([0.0, -0.4, 0.0, 0.3, 0.0, -0.2, 0.0, 0.0]) * lift
    )
    delta = delta + np.array([-0.9, 0.3, -0.1, -0.2, 0.0, 0.1, -0.4, 0.0]) * carry
    grip = -0.022 * _move((u - 1.6) / 0.3) + 0.022 * _move((u - 4.4) / 0.3)
    return HOME + delta + np.concatenate([np.zeros((len(t), 7)), grip], axis=1)


def write_live(root: Path, episodes: int = 5, clips: bool = True) -> None:
    """Episodes, then the faults, with consistent states, commands, chunks and scores."""
    random = np.random.default_rng(3)
    starts = [1.5 + index * (EPISODE_S + 0.8) for index in range(episodes + len(FAULTS))]
    end = starts[-1] + EPISODE_S + 1.5
    t = np.arange(0, end, 1 / RATE_HZ)
    want = np.tile(HOME, (len(t), 1))
    for start in starts:
        inside = (t >= start) & (t < start + EPISODE_S + 0.8)
        want[inside] = _wanted(t[inside], start)
    command, events = (
        want.copy(),
        [
            {"t": 0.0, "state": "INIT", "reason": "START", "backup": None},
            {"t": 0.6, "state": "READY", "reason": "CONTRACT_VERIFIED", "backup": None},
        ],
    )
    rnd, entropy = (
        np.abs(0.45 + 0.12 * np.sin(1.3 * t) + random.normal(0, 0.05, len(t))),
        np.abs(0.5 + random.normal(0, 0.07, len(t))),
    )
    faults, chunk_keep = [], np.ones(len(t), dtype=bool)
    for start in starts[:episodes]:
        events += [
            {"t": start, "state": "ACTIVE", "reason": "ENABLED", "backup": None},
            {"t": start + EPISODE_S, "state": "READY", "reason": "EPISODE_DONE", "backup": None},
        ]
    for start, (name, description, reason, moments, backup) in zip(starts[episodes:], FAULTS, strict=True):
        injected = start + 0.9
        observable, detected, first = (injected + offset for offset in moments[1:])
        frozen = t >= first
        index = int(np.argmax(frozen))
        speed = (command[index] - command[index - 1]) * RATE_HZ
        slide = speed * 0.12 * (1 - np.exp(-(t - first) / 0.12))[:, None]
        until = t < start + EPISODE_S
        command[frozen & until] = (command[index] + slide)[frozen & until]
        if name == "policy_stopped":
            chunk_keep &= ~((t >= injected) & until)
        if name == "cube_moved":
            raised = (t >= observable) & until
            rnd[raised] += 1.6 * _move((t[raised] - observable) / 0.4)
            entropy[raised] += 1.1 * _move((t[raised] - observable) / 0.4)
        stopped = first + 0.7
        events += [
            {"t": start, "state": "ACTIVE", "reason": "ENABLED", "backup": None},
            {"t": detected - 0.02, "state": "DEGRADED", "reason": reason, "backup": None},
            {"t": detected, "state": "BACKUP", "reason": reason, "backup": backup},
            {"t": stopped, "state": "STOPPED", "reason": "STANDSTILL", "backup": backup},
            {"t": start + EPISODE_S, "state": "READY", "reason": "RESET", "backup": None},
        ]
        faults.append(
            {
                "name": name,
                "description": description,
                "t_injected": injected,
                "t_observable": observable,
                "t_detected": detected,
                "t_first_backup_command": first,
                "reaction_s": first - observable,
                "reaction_periods": (first - observable) / STEP_S,
                "reason": reason,
                "backup": backup,
                "stop_category": 2,
                "final_state": "STOPPED",
                "max_joint_speed_after_s": 0.001,
                "stop_distance_rad": float(np.abs(slide[frozen & until]).max()),
                "recovered": True,
                "passed": True,
            }
        )
    measured = np.empty_like(command)
    measured[0] = command[0]
    for row in range(1, len(t)):  # a first-order lag of 40 ms, as a stiff joint controller has
        measured[row] = measured[row - 1] + (command[row] - measured[row - 1]) * (1 - np.exp(-1 / (RATE_HZ * 0.04)))
    velocity = np.gradient(measured, 1 / RATE_HZ, axis=0)
    stamps = np.flatnonzero(chunk_keep)[::8]
    ahead = np.clip(stamps[:, None] + np.arange(HORIZON), 0, len(t) - 1)
    cube = np.tile([0.5, -0.15, 0.02, 0, 0, 0, 1.0], (len(t), 1))
    goal = np.tile([0.45, 0.2, 0.02, 0, 0, 0, 1.0], (len(t), 1))
    for start in starts[:episodes]:
        inside = (t >= start) & (t < start + EPISODE_S)
        cube[inside, :2] += (goal[inside, :2] - cube[inside, :2]) * _move((t[inside, None] - start - 2.7) / 1.6)
    folder = root / "run"
    folder.mkdir(parents=True)
    np.savez(
        folder / "trace.npz",
        joint_t=t,
        joint_position=measured,
        joint_velocity=velocity,
        command_t=t,
        command=command,
        score_t=t[::8],
        score_rnd=rnd[::8],
        score_entropy=entropy[::8],
        score_fiper=np.minimum(rnd, entropy)[::8],
        chunk_t=t[stamps],
        chunk=want[ahead] + random.normal(0, 0.004, (len(stamps), HORIZON, 8)),
        chunk_step_s=STEP_S,
        joint_names=np.array(JOINTS),
        object_t=t,
        object_cube=cube,
        object_goal=goal,
    )
    document = {
        "stack": "rosless on cyclonedds 11.0.1",
        "domain": 42,
        "control_period_s": STEP_S,
        "episodes": [
            {"index": index + 1, "success": True, "duration_s": 4.9, "t_start": start, "t_end": start + EPISODE_S}
            for index, start in enumerate(starts[:episodes])
        ],
        "faults": faults,
        "events": sorted(events, key=lambda event: event["t"]),
        "loops": {
            "safety_node": {
                "p50_us": 212,
                "p99_us": 690,
                "p999_us": 1430,
                "max_us": 3120,
                "overruns": 0,
                "ticks": len(t),
            },
            "sim_node": {
                "p50_us": 640,
                "p99_us": 1900,
                "p999_us": 4100,
                "max_us": 8800,
                "overruns": 3,
                "ticks": 10 * len(t),
            },
        },
    }
    (folder / "run.json").write_text(json.dumps(document))
    if clips:
        for fault in FAULTS:
            animation(folder / f"fault_{fault[0]}.webp", frames=20)


def write_run(root: Path) -> Path:
    """Everything."""
    write_bundle(root)
    write_training(root)
    write_evaluation(root)
    write_live(root)
    return root
