"""Opens the failure predictor of a bundle for evaluation."""

from __future__ import annotations

from policy_nodes.bundle.limits import CALIBRATION_NAME
from policy_nodes.bundle.load import Bundle
from policy_nodes.monitors.fiper import FiperMonitor
from policy_nodes.monitors.identity import calibrated_samples, policy_identity


def open_monitor(bundle: Bundle) -> tuple[FiperMonitor | None, int]:
    """The calibrated monitor and the number of chunks it samples per call; (None, 0) for an uncalibrated bundle.

    Raises:
        CalibrationError: it was calibrated for another policy.
    """
    if CALIBRATION_NAME not in bundle.manifest.files:
        return None, 0
    samples = calibrated_samples(bundle)
    return FiperMonitor.open(bundle.path, policy_identity(bundle.manifest, samples)), samples
