"""Latency of one policy call: PyTorch eager, plain ONNX Runtime, OpenVINO, and Keel's session, on the same weights.

    python benchmarks/inference.py [--rounds 40] [--steps 1 2 4 8] [--batches 1 32]

The policy is the demo's flow policy (same task contract, default sizes, random weights: latency does not depend on
what was learned). One process, one thread everywhere. In each round every candidate runs once per setting, in an order
that rotates, so that a busy moment of the machine hits all of them; figures are medians over rounds with quartiles, and
ratios are medians of the ratios within a round, which suffer least from other load. Before anything is timed, all
candidates must agree with PyTorch to 1e-4. Candidates that are not installed are named as skipped.

``keel`` is the whole call a node makes: checks, float64 copy and finiteness included; ``plain ORT`` is the bare
``session.run`` of a session with default options but for one thread.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import onnxruntime
import torch
import yaml

from policy_nodes.bundle.load import Bundle
from policy_nodes.bundle.manifest import GraphTensor, PolicyInfo
from policy_nodes.bundle.onnx_metadata import contract_pairs
from policy_nodes.bundle.write import write_bundle
from policy_nodes.inference.policy import PolicySession
from training.contracts.registry import task_contract
from training.contracts.task import TaskContract
from training.export.graph import ACTION, EMBEDDING, NOISE, export_graph
from training.imitation.build import build_policy
from training.policies.flow_policy import FlowPolicy, FlowPolicyConfig

Arrays = dict[str, np.ndarray]
Call = Callable[[Arrays], np.ndarray]
SAMPLES = 4


def random_inputs(contract: TaskContract, batch: int, rng: np.random.Generator) -> Arrays:
    """Observations within the contract's ranges, and noise."""
    arrays = {}
    for feature in contract.observations:
        low = np.concatenate([term.minimum for term in feature.terms])
        high = np.concatenate([term.maximum for term in feature.terms])
        arrays[feature.name] = rng.uniform(low, high, (batch, feature.history, feature.size)).astype(np.float32)
    shape = (batch, contract.actions.horizon, len(contract.actions.joints))
    arrays[NOISE] = rng.standard_normal(shape, dtype=np.float32)
    return arrays


def random_policy(contract: TaskContract, steps: int) -> FlowPolicy:
    """The demo's network with random weights and statistics fitted on random data."""
    torch.manual_seed(0)
    config = FlowPolicyConfig(horizon=contract.actions.horizon, sampling_steps=steps)
    policy = build_policy(contract, config)
    inputs = random_inputs(contract, 256, np.random.default_rng(0))
    observation = {f.name: torch.from_numpy(inputs[f.name]) for f in contract.observations}
    policy.fit_statistics(
        observation, torch.randn(inputs[NOISE].shape), torch.zeros(inputs[NOISE].shape[:2], dtype=bool)
    )
    return policy.eval()


def eager(policy: FlowPolicy) -> Call:
    """PyTorch as it is."""

    def call(inputs: Arrays) -> np.ndarray:
        tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
        with torch.inference_mode():
            chunk: np.ndarray = policy(tensors, tensors[NOISE])[0].numpy()
        return chunk

    return call


def make_bundle(contract: TaskContract, policy: FlowPolicy, graph: bytes, directory: Path) -> Bundle:
    """A bundle around the graph, with a parity record, as export would write it."""
    inputs = random_inputs(contract, SAMPLES, np.random.default_rng(1))
    tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
    with torch.inference_mode():
        outputs = dict(zip((ACTION, EMBEDDING), policy(tensors, tensors[NOISE]), strict=True))
    shape = list(inputs[NOISE].shape[1:])
    features = [GraphTensor(name=f.name, role="observation", shape=[f.history, f.size]) for f in contract.observations]
    info = PolicyInfo(
        family="flow_matching",
        sampler="euler",
        sampling_steps=policy.config.sampling_steps,
        parameters=sum(p.numel() for p in policy.parameters()),
        inputs=[*features, GraphTensor(name=NOISE, role="noise", shape=shape)],
        outputs=[
            GraphTensor(name=ACTION, role="action", shape=shape),
            GraphTensor(name=EMBEDDING, role="embedding", shape=[policy.config.embedding_size]),
        ],
    )
    fields: dict[str, Any] = {
        "name": "benchmark",
        "robot": contract.robot,
        "task": contract.name,
        "observations": contract.observations,
        "actions": contract.actions,
        "timing": contract.timing,
        "policy": info,
        "parity": {"samples": SAMPLES, "tolerance": 1e-4, "max_abs_error": {ACTION: 0.0, EMBEDDING: 0.0}},
        "provenance": {
            "created": "", "keel_version": "", "git_commit": "", "versions": {}, "dataset_sha256": "0" * 64,
            "config_sha256": "0" * 64, "statistics_sha256": "0" * 64, "seed": 0, "training_steps": 0,
        },
    }  # fmt: skip
    np.savez(directory / "parity", **{f"input/{k}": v for k, v in inputs.items()},
             **{f"output/{k}": v.numpy() for k, v in outputs.items()})  # fmt: skip
    safety = yaml.safe_dump(contract.safety.model_dump(mode="json", exclude_none=True)).encode()
    files: dict[str, Path | bytes] = {
        "policy.onnx": graph, "parity.npz": directory / "parity.npz", "safety.yaml": safety,
    }  # fmt: skip
    return write_bundle(directory / f"steps{policy.config.sampling_steps}.keel", fields, files)


def plain(graph: bytes) -> Call:
    """ONNX Runtime with its defaults, one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def call(inputs: Arrays) -> np.ndarray:
        chunk: np.ndarray = session.run([ACTION, EMBEDDING], inputs)[0]
        return chunk

    return call


def keel(bundle: Bundle) -> Call:
    """The call a node makes."""
    session = PolicySession(bundle, "cpu", threads=1)
    session.warm_up()

    def call(inputs: Arrays) -> np.ndarray:
        observation = {name: value for name, value in inputs.items() if name != NOISE}
        return session.sample(observation, inputs[NOISE]).chunk

    return call


def openvino(graph: bytes, directory: Path) -> Call:
    """OpenVINO's own runtime on the same graph, one thread, float32; ImportError where it is not installed."""
    import openvino as ov

    path = directory / "openvino.onnx"
    path.write_bytes(graph)
    core = ov.Core()
    options = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    request = core.compile_model(core.read_model(path), "CPU", options).create_infer_request()

    def call(inputs: Arrays) -> np.ndarray:
        return np.array(request.infer(inputs)[ACTION])

    return call


def candidates(contract: TaskContract, steps: int, directory: Path) -> tuple[dict[str, Call], list[str]]:
    """Callables by name, and those that are skipped, with the reason."""
    policy = random_policy(contract, steps)
    graph = export_graph(
        policy,
        contract.observations,
        contract.actions,
        contract_pairs(contract.observations, contract.actions, contract.timing.control_rate_hz),
    )
    bundle = make_bundle(contract, policy, graph, directory)
    found: dict[str, Call] = {"PyTorch eager": eager(policy), "plain ORT": plain(graph), "keel": keel(bundle)}
    try:
        found["OpenVINO"] = openvino(graph, directory)
    except ImportError:
        return found, ["OpenVINO (not installed)"]
    return found, []


def measure(calls: dict[str, Call], inputs: Arrays, rounds: int, repeats: int) -> dict[str, np.ndarray]:
    """Seconds per call, (rounds,) by candidate, after the candidates have been shown to agree."""
    reference = calls["PyTorch eager"](inputs)
    for name, call in calls.items():
        error = float(np.abs(call(inputs) - reference).max())
        if not error <= 1e-4:
            raise SystemExit(f"{name} differs from PyTorch by {error:.2e}: nothing to compare")
    names = list(calls)
    seconds = {name: np.empty(rounds) for name in names}
    for index in range(-3, rounds):
        for name in names[index % len(names) :] + names[: index % len(names)]:
            started = time.perf_counter()
            for _ in range(repeats):
                calls[name](inputs)
            if index >= 0:
                seconds[name][index] = (time.perf_counter() - started) / repeats
    return seconds


def row(batch: int, steps: int, seconds: dict[str, np.ndarray]) -> str:
    """One line of the table: medians in ms with quartiles, and medians of the ratios within a round."""
    cells = []
    for values in seconds.values():
        low, middle, high = np.percentile(values, [25, 50, 75]) * 1e3
        cells.append(f"{middle:.2f} ({low:.2f}-{high:.2f})")

    def ratio(first: str, second: str) -> float:
        return float(np.median(seconds[first] / seconds[second]))

    ratios = [f"{ratio('PyTorch eager', 'keel'):.1f}x", f"{ratio('keel', 'plain ORT'):.2f}"]
    if "OpenVINO" in seconds:
        ratios.append(f"{ratio('keel', 'OpenVINO'):.2f}")
    return f"| {batch} | {steps} | " + " | ".join([*cells, *ratios]) + " |"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=5, help="calls per round and candidate")
    parser.add_argument("--steps", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 32])
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    contract = task_contract("panda_pick_place")
    rows, skipped, names = [], [], []
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as directory:
        for steps in options.steps:
            calls, skipped = candidates(contract, steps, Path(directory))
            names = list(calls)
            gc.disable()
            for batch in options.batches:
                inputs = random_inputs(contract, batch, np.random.default_rng(2))
                rows.append((batch, steps, row(batch, steps, measure(calls, inputs, options.rounds, options.repeats))))
            gc.enable()
    parameters = sum(p.numel() for p in random_policy(contract, 1).parameters())
    machine = f"{processor()}, {os.cpu_count()} CPUs, load {load:.1f} to {os.getloadavg()[0]:.1f}"
    versions = f"torch {torch.__version__}, onnxruntime {onnxruntime.__version__}"
    print(
        f"Flow policy of the demo, {parameters / 1e6:.2f} M weights, one thread, ms per call: median (quartiles) of "
        f"{options.rounds} interleaved rounds of {options.repeats} calls. {machine}, "
        f"Python {platform.python_version()}, {versions}. Skipped: {', '.join(skipped) or 'nothing'}.\n"
    )
    titles = ["batch", "steps", *names, "eager / keel", "keel / plain ORT"]
    titles += ["keel / OpenVINO"] if "OpenVINO" in names else []
    print("| " + " | ".join(titles) + " |")
    print("|" + "---|" * len(titles))
    for _, _, line in sorted(rows):
        print(line)
    return 0


def processor() -> str:
    """Name of the CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


if __name__ == "__main__":
    sys.exit(main())
