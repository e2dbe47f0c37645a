"""Parameters of every node that runs a bundle, and how a bundle is opened by them."""

from __future__ import annotations

from pathlib import Path

from rclpy.node import Node

from policy_nodes.bundle.load import Bundle, load_bundle
from policy_nodes.errors import ConfigError
from policy_nodes.nodes.parameters import TOPIC_PREFIX, Option, read

OPTIONS = (
    Option("bundle", "", "directory of the policy bundle (NAME.keel)"),
    Option("autostart", True, "configure and activate at start, without a lifecycle manager"),
    Option("require_signature", False, "refuse a bundle that is not signed by a trusted key"),
    Option("trusted_keys", "", "directory of trusted public keys (*.pub); empty: that of KEEL_TRUSTED_KEYS"),
    TOPIC_PREFIX,
)
INFERENCE_OPTIONS = (
    Option("provider", "cpu", "execution provider: cpu, cuda, tensorrt or openvino"),
    Option("threads", 1, "threads of the inference session", 1, 64),
    Option("seed", 0, "seed of the sampling noise", 0, 2**31 - 1),
)


def open_bundle(node: Node) -> Bundle:
    """Load and verify the bundle that a node's parameters name.

    A signature is required when ``require_signature`` says so, or a directory of trusted keys is given, by
    ``trusted_keys`` or by the environment.

    Raises:
        ConfigError: no bundle is named, or the trusted keys are unusable.
        BundleError: the bundle is refused; names the item.
    """
    path, keys = read(node, "bundle", str), read(node, "trusted_keys", str)
    if not path:
        raise ConfigError("parameter 'bundle' is empty.", "start the node with -p bundle:=/path/to/NAME.keel.")
    return load_bundle(
        Path(path),
        require_signature=True if read(node, "require_signature", bool) or keys else None,
        trusted_keys=Path(keys).expanduser() if keys else None,
    )
