"""Parameters of every node that runs a bundle, and how a bundle is opened by them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rclpy.node import Node

from policy_nodes.bundle.load import Bundle, load_bundle
from policy_nodes.errors import ConfigError
from policy_nodes.inference.provider_options import ProviderSettings
from policy_nodes.nodes.parameters import TOPIC_PREFIX, Option, read

if TYPE_CHECKING:
    from policy_nodes.inference.planner import ChunkPlanner

OPTIONS = (
    Option("bundle", "", "directory of the policy bundle (NAME.keel)"),
    Option("autostart", True, "configure and activate at start, without a lifecycle manager"),
    Option("require_signature", False, "refuse a bundle that is not signed by a trusted key"),
    Option("trusted_keys", "", "directory of trusted public keys (*.pub); empty: that of KEEL_TRUSTED_KEYS"),
    TOPIC_PREFIX,
)
INFERENCE_OPTIONS = (
    Option("provider", "cpu", "execution provider: cpu, cuda, tensorrt, openvino, or auto (the fastest, measured)"),
    Option("threads", 1, "threads of the inference session", 1, 64),
    Option("seed", 0, "seed of the sampling noise", 0, 2**31 - 1),
    Option("device", 0, "index of the GPU", 0, 63),
    Option("precision", "float32", "in which TensorRT may compute: float32 or float16"),
    Option("cuda_graph", False, "record all kernel launches once and replay them (provider cuda or tensorrt)"),
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


def provider_settings(node: Node) -> ProviderSettings:
    """What a GPU provider is told by a node's parameters; long work, such as building an engine, is logged.

    Raises:
        ConfigError: a precision that does not exist.
    """
    precision = read(node, "precision", str)
    if precision not in ("float32", "float16"):
        raise ConfigError(f"parameter 'precision' is '{precision}'.", "use float32 or float16.")
    return ProviderSettings(
        device=read(node, "device", int),
        precision="float16" if precision == "float16" else "float32",
        cuda_graph=read(node, "cuda_graph", bool),
        notify=lambda text: node.get_logger().info(text),
    )


def open_planner(node: Node, bundle: Bundle) -> ChunkPlanner:
    """The planner that a policy node's parameters describe.

    Raises:
        BundleError: a graph is missing or changed.
        ConfigError: a precision that does not exist.
        ProviderError: the provider cannot run here.
    """
    from policy_nodes.inference.planner import ChunkPlanner  # with onnxruntime, which the safety node never needs

    return ChunkPlanner(
        bundle,
        read(node, "provider", str),
        read(node, "threads", int),
        read(node, "seed", int),
        anytime=read(node, "anytime", bool),
        settings=provider_settings(node),
    )
