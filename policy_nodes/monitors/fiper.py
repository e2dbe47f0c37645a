"""FIPER on line: alarm when the observation is unfamiliar AND the sampled chunks disagree.

Römer et al., *Failure Prediction at Runtime for Generative Robot Policies*, arXiv 2510.09459 (NeurIPS 2025).
"""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np

from policy_nodes.errors import BundleError, CalibrationError
from policy_nodes.monitors import artefact as artefacts
from policy_nodes.monitors import graph as graphs
from policy_nodes.monitors.artefact import CalibrationArtefact
from policy_nodes.monitors.detector import Detector
from policy_nodes.monitors.graph import MonitorGraph
from policy_nodes.monitors.interface import CallFeatures, PolicyIdentity
from policy_nodes.monitors.registry import detector_signals
from policy_nodes.types import Alarm, FloatArray


class FiperMonitor:
    """Judges every policy call of an episode.

    Args:
        graph: the exported networks and kinematics.
        artefact: thresholds and what they depend on.
        policy: the policy that runs now and how it is sampled.

    Raises:
        CalibrationError: another policy, B, H, A or E than calibrated.
        BundleError: the graph has other sizes than the artefact.
    """

    def __init__(self, graph: MonitorGraph, artefact: CalibrationArtefact, policy: PolicyIdentity) -> None:
        artefact.check()
        artefact.identity.require(policy)
        found = (graph.embedding_size, graph.horizon, graph.action_size)
        if found != (policy.embedding_size, policy.horizon, policy.action_size):
            raise BundleError(
                f"monitor.onnx takes (E, H, A) = {found}, the policy has "
                f"{(policy.embedding_size, policy.horizon, policy.action_size)}.",
                "run keel calibrate on this bundle again.",
            )
        self.artefact, self._graph, self._policy = artefact, graph, policy
        self._detector = Detector(detector_signals(artefact), artefact.combination, artefact.phases)
        self._last_ns: int | None = None

    @classmethod
    def open(cls, bundle: str | Path, policy: PolicyIdentity, threads: int = 1) -> FiperMonitor:
        """Load ``monitor.onnx`` and ``calibration.npz`` from a bundle directory.

        Raises:
            BundleError: ``monitor.onnx`` is missing, unusable, or not the one that was calibrated.
            CalibrationError: ``calibration.npz`` is missing, damaged, or for another policy.
        """
        bundle = Path(bundle)
        artefact = artefacts.load_artefact(bundle / artefacts.FILE_NAME)
        graph = MonitorGraph(bundle / graphs.FILE_NAME, threads)
        if hashlib.sha256((bundle / graphs.FILE_NAME).read_bytes()).hexdigest() != artefact.monitor_sha256:
            raise BundleError(
                f"'{bundle / graphs.FILE_NAME}' is not the graph that was calibrated.", "run keel calibrate again."
            )
        return cls(graph, artefact, policy)

    def reset(self) -> None:
        """Start a new episode."""
        self._detector.reset()
        self._last_ns = None

    def step(self, chunks: FloatArray, embedding: FloatArray, stamp_ns: int, driving: bool = True) -> Alarm:
        """Judge one policy call.

        Args:
            chunks: (B, H, A) chunks sampled from the same observation, contract units.
            embedding: (E,) the policy's embedding of that observation.
            stamp_ns: time of the observation.
            driving: the policy has moved the robot since the last call. While it has not, its plan should be the same
                as before instead of further on; otherwise a stopped robot would never be seen to calm down.

        Returns:
            Normalised scores by signal (``rnd`` and ``entropy`` in FIPER) and ``combined``; active when ``combined``
            > 1. NaN or infinity in either input is an alarm with infinite scores for this call and as long as a window
            contains it.

        Raises:
            CalibrationError: shapes differ from the calibrated ones.
        """
        policy = self._policy
        expected = ((policy.samples, policy.horizon, policy.action_size), (policy.embedding_size,))
        if (np.shape(chunks), np.shape(embedding)) != expected:
            raise CalibrationError(
                f"chunks {np.shape(chunks)} and embedding {np.shape(embedding)} arrived, calibrated for {expected[0]} "
                f"and {expected[1]}.",
                "sample as calibrated, or run keel calibrate again.",
            )
        with np.errstate(over="ignore"):
            elapsed = self._elapsed(stamp_ns) if driving else self._rest(stamp_ns)
            features = self._features(
                np.asarray(chunks, np.float32), np.asarray(embedding, np.float32), elapsed, driving
            )
        scores = self._detector.step(features)
        return Alarm(stamp_ns, scores["combined"] > 1.0, scores)

    def _elapsed(self, stamp_ns: int) -> int | None:
        """Chunk steps since the last call; None at the first one and when the artefact does not know their period."""
        last, self._last_ns = self._last_ns, stamp_ns
        if last is None or self.artefact.step_s is None:
            return None
        return max(0, round((stamp_ns - last) * 1e-9 / self.artefact.step_s))

    def _rest(self, stamp_ns: int) -> int:
        """No step of the last chunk was executed."""
        self._last_ns = stamp_ns
        return 0

    def _features(self, chunks: FloatArray, embedding: FloatArray, elapsed: int | None, driving: bool) -> CallFeatures:
        if not (np.isfinite(chunks).all() and np.isfinite(embedding).all()):
            # Both signals must be infinite: under AND a finite one would hide the other.
            return CallFeatures(embedding, chunks, np.full((*chunks.shape[:2], 3), np.nan), math.nan, elapsed, driving)
        distance, positions = self._graph.run(embedding[None], chunks)
        return CallFeatures(embedding, chunks, positions, float(distance[0]), elapsed, driving)
