"""What the figures depend on: samples per call, training rollouts, network seeds, and what RND looks at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from policy_nodes.monitors.phases import Phases
from training.contracts.task import TaskContract
from training.monitors.benchmark.compare import Method, ScoredRollout, traces, within
from training.monitors.benchmark.record import StoredRollout
from training.monitors.benchmark.scoring import ScoringConfig, score_rollouts
from training.monitors.export import position_function
from training.monitors.rnd import PAPER
from training.monitors.train_rnd import PAPER_TRAINING

CALIBRATION = 50
"""Successes per calibration set: what `keel calibrate --episodes 100` leaves."""
PAPER_EPOCHS = 25
"""Of the paper-size network, which takes seconds per epoch on a CPU; the loss hardly falls afterwards."""


@dataclass(frozen=True)
class Row:
    """Means over calibration sets.

    Attributes:
        label: the setting.
        method: name of the predictor.
        false_alarms: on clean successes that neither train nor calibrate.
        prompt: share of displaced cubes with an alarm within a second.
        worst: 10 % quantile of that share over the calibration sets.
    """

    label: str
    method: str
    false_alarms: float
    prompt: float
    worst: float


def encoder_features(contract: TaskContract) -> Callable[[StoredRollout], NDArray[np.float32]]:
    """Replaces the policy's embedding by the geometric features in front of its network: rollout -> (T, F)."""
    encoder = contract.make_encoder()
    shapes = {f.name: (f.history, f.size) for f in contract.observations}

    def features(rollout: StoredRollout) -> NDArray[np.float32]:
        inputs, column = {}, 0
        for name, (history, size) in shapes.items():
            rows = rollout.observations[:, column : column + history * size]
            inputs[name] = torch.as_tensor(rows.reshape(-1, history, size))
            column += history * size
        with torch.no_grad():
            return encoder(inputs).numpy()

    return features


def measure(
    label: str, scored: Sequence[ScoredRollout], methods: Sequence[Method], second: int, sets: int = 100, seed: int = 0
) -> list[Row]:
    """Every method on random calibration sets of :data:`CALIBRATION` clean successes.

    Args:
        label: the setting.
        scored: clean successes and displaced cubes.
        methods: predictors on the scores at hand.
        second: policy calls in a second.
        sets: calibration sets.
        seed: of the draws; the same sets for every setting.
    """
    clean = [r for r in scored if r.cause == "none"]
    displaced = [r for r in scored if r.cause != "none"]
    rows = []
    for method in methods:
        rng = np.random.default_rng(seed)
        alarms, prompt = [], []
        for _ in range(sets):
            order = rng.permutation(len(clean))
            calibration, rest = ([clean[i] for i in part] for part in np.split(order, [CALIBRATION]))
            z = traces(method, calibration, [*rest, *displaced], 1)
            alarms.append(np.mean([(values > 1.0).any() for values in z[: len(rest)]]))
            prompt.append(np.mean(within(displaced, z[len(rest) :], second)))
        rows.append(
            Row(label, method.name, float(np.mean(alarms)), float(np.mean(prompt)), float(np.quantile(prompt, 0.1)))
        )
    return rows


def study(
    train: Sequence[StoredRollout],
    judged: Sequence[StoredRollout],
    contract: TaskContract,
    phases: Phases,
    second: int,
    say: Callable[[str], None] = lambda _: None,
) -> str:
    """Markdown table over samples per call, training rollouts, seeds and features.

    Args:
        train: at least 150 successes.
        judged: clean successes and displaced cubes; the recorded B bounds the samples tried.
        contract: of the task.
        phases: of the task.
        second: policy calls in a second.
        say: progress.
    """
    position = position_function(contract.make_position())
    execution = contract.actions.execution_horizon
    base = ScoringConfig(names=("rnd", "entropy", "stac", "stac_floor"), execution=execution)
    fiper = Method("rnd AND entropy, q 0.9", (("rnd", 3), ("entropy", 3)), 0.9)
    ours = Method("rnd OR stac, q 0.975", (("rnd", 3), ("stac", 3)), 0.975, "or")
    floored = Method("rnd OR stac_floor, q 0.975", (("rnd", 3), ("stac_floor", 3)), 0.975, "or")
    both = Method("rnd AND stac_floor, q 0.9", (("rnd", 3), ("stac_floor", 3)), 0.9)
    single = Method("rnd, q 0.95", (("rnd", 3),), 0.95)
    rows: list[Row] = []
    for samples in [b for b in (8, 16, 32, 64) if b <= judged[0].chunks.shape[1]]:
        say(f"B = {samples}")
        scored = score_rollouts(train[:50], judged, position, phases, replace(base, samples=samples))
        rows += measure(f"B = {samples}, 50 training rollouts", scored, (fiper, both, ours, floored), second)
    features = encoder_features(contract)
    rnd = replace(base, names=("rnd",), samples=1)
    variants: list[tuple[str, int, ScoringConfig, bool]] = [
        (f"{count} training rollouts", count, rnd, False) for count in (12, 25, 50, 150)
    ]
    variants.append(("50 training rollouts, mean of 5 networks", 50, replace(rnd, seeds=(0, 1, 2, 42, 43)), False))
    paper = replace(rnd, architecture=PAPER, training=replace(PAPER_TRAINING, epochs=PAPER_EPOCHS))
    variants.append((f"50 training rollouts, paper-size network, {PAPER_EPOCHS} epochs", 50, paper, False))
    variants.append(("50 training rollouts, geometric features instead of the embedding", 50, rnd, True))
    for label, count, config, geometric in variants:
        say(label)
        sets = (list(train[:count]), list(judged))
        if geometric:
            sets = tuple([replace(r, embeddings=features(r)) for r in part] for part in sets)  # type: ignore[assignment]
        rows += measure(label, score_rollouts(*sets, position, phases, config), (single,), second)
    lines = [
        "| setting | method | false alarms | displaced, within 1 s | the worst tenth of sets |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| {r.label} | {r.method} | {r.false_alarms:.3f} | {r.prompt:.2f} | <= {r.worst:.2f} |" for r in rows]
    return "\n".join(lines)
