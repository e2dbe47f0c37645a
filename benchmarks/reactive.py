"""Does a decoder that feels hold the contact force better than chunks alone, when the surface shifts within a chunk?

Trains reactive diffusion policy (arXiv 2503.02881), the same without feeling, and a chunk-only flow policy on the same
demonstrations of an admittance controller, and wipes with each on the same unseen surfaces. Plans are made at the same
rate and arrive equally late; ``chunks, 4 times as often`` is what a four times faster slow policy would buy.

    python benchmarks/reactive.py                       about 2 minutes of one core
    python benchmarks/reactive.py --strokes 40 --steps 100 --seeds 4       (does it run)
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch

from sim.tasks.wiping.surface import AdmittanceExpert, SurfaceConfig, force_error
from training.evaluation.statistics import wilson_interval
from training.policies.rdp.controllers import Rates, chunk_only, reactive
from training.policies.rdp.strokes import demonstrate, stroke_forces
from training.policies.rdp.training import RdpTraining, action_normalizer, train_chunk_only, train_rdp

HORIZON, STROKE = 32, 96
SETTLE = 24
"""Control steps at the start of a stroke that do not count: the tool comes into contact."""
FIRST_SEED = 100_000


def main() -> int:
    """Train, wipe, print; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strokes", type=int, default=300, help="demonstrations")
    parser.add_argument("--steps", type=int, default=2500, help="optimiser steps of each policy")
    parser.add_argument("--seeds", type=int, default=100, help="unseen surfaces")
    parser.add_argument("--good", type=float, default=1.0, help="force error (N, RMS) that counts as success")
    parser.add_argument("--output", type=Path, default=None)
    args = parser.parse_args()
    torch.set_num_threads(1)
    surface, rates = SurfaceConfig(), Rates()
    began = time.process_time()
    chunks = demonstrate(surface, args.strokes, STROKE, HORIZON, noise=0.002, seed=0)
    normalizer = action_normalizer(chunks)
    training = RdpTraining(tokenizer_steps=max(args.steps * 3 // 5, 1), policy_steps=args.steps)
    numb = RdpTraining(training.tokenizer_steps, training.policy_steps, feel=False)
    feeling, blind, plain = train_rdp(chunks, training), train_rdp(chunks, numb), train_chunk_only(chunks, training)
    print(f"{len(chunks.action)} chunks, trained in {time.process_time() - began:.0f} s of processor time")
    expert = AdmittanceExpert(surface)
    often = Rates(rates.replan // 4, rates.latency)
    controllers = {
        "expert": lambda s, step: expert.act(s),
        "reactive diffusion policy": reactive(feeling, normalizer, surface, rates).act,
        "  its decoder without force": reactive(blind, normalizer, surface, rates).act,
        "chunks": chunk_only(plain, normalizer, surface, rates).act,
        "chunks, 4 times as often": chunk_only(plain, normalizer, surface, often).act,
    }
    rows = {}
    print(f"{'force error (N, RMS), 95 % interval':36s}{'mean':>8s}{'':14s}{'below ' + str(args.good) + ' N':>12s}")
    for name, act in controllers.items():
        errors = np.array(
            [
                force_error(stroke_forces(act, surface, FIRST_SEED + k, STROKE)[SETTLE:], surface.demanded)
                for k in range(args.seeds)
            ]
        )
        low, high = bootstrap(errors)
        good = int((errors < args.good).sum())
        share = wilson_interval(good, len(errors), 0.95)
        rows[name] = {"mean": errors.mean(), "low": low, "high": high, "good": good, "errors": errors.tolist()}
        print(
            f"{name:36s}{errors.mean():8.2f} ({low:.2f} to {high:.2f}){good:6d}/{len(errors)} "
            f"({share[0]:.2f} to {share[1]:.2f})"
        )
    ratio = np.array(rows["reactive diffusion policy"]["errors"]) / np.array(rows["chunks"]["errors"])
    print(f"reactive / chunks on the same surface, median: {np.median(ratio):.2f}")
    if args.output is not None:
        args.output.write_text(json.dumps(rows, indent=1))
    return 0


def bootstrap(values: np.ndarray, draws: int = 2000) -> tuple[float, float]:
    """95 % percentile interval of the mean."""
    rng = np.random.default_rng(0)
    means = values[rng.integers(len(values), size=(draws, len(values)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


if __name__ == "__main__":
    sys.exit(main())
