"""Proof that the wrapped graph computes what the original policy computes, recorded for the robot to repeat.

The reference is independent of the wrapping and of ONNX Runtime: stacking in numpy, then the original model in ONNX's
reference evaluator, one observation at a time. Inputs are random within the contract's ranges, since no recording of
the training exists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator

from policy_nodes.inference.providers import create_session
from training.convert.graph import ACTION, policy_ports
from training.convert.settings import HistoryOrder
from training.convert.terms import Term

Arrays = dict[str, NDArray[np.float32]]


def random_inputs(terms: Sequence[Term], features: Sequence[str], samples: int, seed: int) -> Arrays:
    """Uniform within each element's range: by graph input, (samples, history, size) float32."""
    rng = np.random.default_rng(seed)
    return {
        name: rng.uniform(
            term.contract["minimum"], term.contract["maximum"], (samples, term.history, term.size)
        ).astype(np.float32)
        for term, name in zip(terms, features, strict=True)
    }


def flat_observations(
    terms: Sequence[Term],
    features: Sequence[str],
    inputs: Mapping[str, NDArray[np.float32]],
    order: HistoryOrder,
    newest_first: bool,
) -> NDArray[np.float32]:
    """What the trainer would have handed to the policy: (samples, size)."""
    blocks = []
    for term, name in zip(terms, features, strict=True):
        block = (inputs[name] - term.offset.astype(np.float32)) * term.factor.astype(np.float32)
        blocks.append(block[:, ::-1] if newest_first else block)
    if order == "time":
        stacked = np.concatenate(blocks, axis=2)
        return stacked.reshape(stacked.shape[0], -1).astype(np.float32)
    return np.concatenate([block.reshape(block.shape[0], -1) for block in blocks], axis=1).astype(np.float32)


def reference_chunks(
    model: onnx.ModelProto, observations: NDArray[np.float32], action_scale: NDArray[np.float64], horizon: int
) -> tuple[NDArray[np.float32], str]:
    """Chunks (samples, horizon, joints) of the original policy, and which evaluator computed them."""
    port, _, output = policy_ports(model, action_scale.size)
    run, evaluator = _evaluator(model, port, output, observations[:1])
    actions = np.concatenate([run(row[None]) for row in observations])
    chunk = actions.astype(np.float32) * action_scale.astype(np.float32)
    return np.repeat(chunk[:, None, :], horizon, axis=1), evaluator


def _evaluator(
    model: onnx.ModelProto, port: str, output: str, probe: NDArray[np.float32]
) -> tuple[Callable[[NDArray[np.float32]], NDArray[np.float32]], str]:
    """ONNX's own evaluator; ONNX Runtime on the original file where that lacks an operator."""
    try:
        evaluator = ReferenceEvaluator(model)
        evaluator.run([output], {port: probe})
        return lambda row: np.asarray(evaluator.run([output], {port: row})[0]), "onnx.reference"
    except Exception:  # it raises many kinds of errors for what it does not implement
        session = create_session(model.SerializeToString(), "cpu")
        return lambda row: np.asarray(session.run([output], {port: row})[0]), "onnxruntime"


def chunk_error(graph: bytes, inputs: Arrays, chunks: NDArray[np.float32]) -> float:
    """Largest absolute difference of the wrapped graph, one by one and all at once; infinite where not finite."""
    session = create_session(graph, "cpu")
    worst = 0.0
    samples = chunks.shape[0]
    for rows in (*(slice(k, k + 1) for k in range(samples)), slice(0, samples)):
        (answer,) = session.run([ACTION], {name: value[rows] for name, value in inputs.items()})
        if answer.shape != chunks[rows].shape or not np.isfinite(answer).all():
            return float("inf")
        worst = max(worst, float(np.abs(answer - chunks[rows]).max()))
    return worst
