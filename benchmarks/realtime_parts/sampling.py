"""Cost of every way to sample a chunk, in turns, beside the full sampler."""

from __future__ import annotations

import gc
import time
from typing import Any

import numpy as np

CALLS = 300


def measure() -> list[dict[str, Any]]:
    """Export each graph, time single calls in turns; prints the table. Tracing derivatives takes most of the time."""
    feeds_of = {name: (session, feeds) for name, session, feeds in _graphs()}
    times: dict[str, list[float]] = {name: [] for name in feeds_of}
    for session, feeds in feeds_of.values():
        for _ in range(20):
            session.run(None, feeds)
    gc.disable()
    try:
        for _ in range(CALLS):
            for name, (session, feeds) in feeds_of.items():
                began = time.perf_counter()
                session.run(None, feeds)
                times[name].append(time.perf_counter() - began)
    finally:
        gc.enable()
    plain = np.array(times["full_4"])
    rows = []
    print(f"  {'graph':34s}{'median us':>10s}{'p99 us':>10s}{'of full_4':>10s}")
    for name, seconds in times.items():
        values = np.array(seconds)
        ratio = float(np.median(values / plain))
        median, p99 = float(np.median(values) * 1e6), float(np.percentile(values, 99) * 1e6)
        rows.append({"graph": name, "median_us": median, "p99_us": p99, "of_full": ratio})
        print(f"  {name:34s}{median:10.0f}{p99:10.0f}{ratio:10.2f}")
    return rows


def _graphs() -> list[tuple[str, Any, dict[str, np.ndarray]]]:
    """Name (method and number of evaluations), session, and random inputs of every graph."""
    import torch

    from policy_nodes.inference.providers import create_session
    from training.contracts.registry import task_contract
    from training.imitation.build import build_policy
    from training.policies.config import PolicyConfig
    from training.realtime.export import variant_onnx
    from training.realtime.graphs import EXTRA_INPUTS, VariantConfig, VariantGraph
    from training.realtime.parts import flow_parts
    from training.realtime.prefix import PrefixMLP

    torch.manual_seed(0)
    contract = task_contract("panda_pick_place")
    policy = build_policy(contract, PolicyConfig(sampling_steps=4)).eval().requires_grad_(False)
    policy.observation_normalizer.fit(torch.zeros(policy.encoder.size), torch.ones(policy.encoder.size))
    shape = (contract.actions.horizon, len(contract.actions.joints))
    policy.action_normalizer.fit(torch.zeros(shape), torch.full(shape, 0.1))
    prefix = PrefixMLP(policy.denoiser)
    rng = np.random.default_rng(0)
    inputs = {f.name: rng.standard_normal((1, f.history, f.size)).astype(np.float32) for f in contract.observations}
    inputs |= {"noise": rng.standard_normal((1, *shape), dtype=np.float32)}
    extra = {
        "previous_chunk": 0.1 * rng.standard_normal((1, *shape), dtype=np.float32),
        "prefix_weights": np.linspace(1, 0, shape[0], dtype=np.float32)[None],
    }
    found = []
    for config in (
        VariantConfig("full", 4),
        VariantConfig("warm_start", 1),
        VariantConfig("warm_start", 2),
        VariantConfig("warm_start", 3),
        VariantConfig("guided", 5),
        VariantConfig("guided", 5, jacobian="identity"),
        VariantConfig("prefix", 4),
    ):
        graph = VariantGraph(flow_parts(policy), config, shape[1], prefix).eval()
        feeds = inputs | {name: extra[name] for name in EXTRA_INPUTS[config.method]}
        examples = {name: torch.from_numpy(np.repeat(value, 3, axis=0)) for name, value in feeds.items()}
        found.append((config.name, create_session(variant_onnx(graph, examples, {}), "cpu", 1), feeds))
    return found
