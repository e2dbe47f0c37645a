"""What a bundle's manifest says about the policy that a failure predictor judges."""

from __future__ import annotations

from policy_nodes.bundle.limits import CALIBRATION_NAME, POLICY_NAME
from policy_nodes.bundle.load import Bundle
from policy_nodes.bundle.manifest import Manifest
from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.artefact import load_artefact
from policy_nodes.monitors.interface import PolicyIdentity


def policy_identity(manifest: Manifest, samples: int) -> PolicyIdentity:
    """Identity of the bundle's policy when ``samples`` chunks are drawn per call.

    Raises:
        CalibrationError: the graph has no embedding output, which the predictor needs.
    """
    embedding = next((tensor for tensor in manifest.policy.outputs if tensor.role == "embedding"), None)
    if embedding is None:
        raise CalibrationError(
            f"bundle '{manifest.name}' has no embedding output.", "export the policy with its observation embedding."
        )
    return PolicyIdentity(
        sha256=manifest.files[POLICY_NAME],
        samples=samples,
        horizon=manifest.actions.horizon,
        action_size=len(manifest.actions.joints),
        embedding_size=embedding.shape[0],
    )


def calibrated_samples(bundle: Bundle) -> int:
    """Chunks per call that the bundle's failure predictor was calibrated with.

    Raises:
        CalibrationError: the bundle has no failure predictor.
    """
    if CALIBRATION_NAME not in bundle.manifest.files:
        raise CalibrationError(
            f"bundle '{bundle.manifest.name}' has no failure predictor.", "run keel calibrate on the bundle."
        )
    return load_artefact(bundle.file(CALIBRATION_NAME)).identity.samples
