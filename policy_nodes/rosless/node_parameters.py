"""The initial parameter values that command line and files hold for one node."""

from __future__ import annotations

from typing import Any

from policy_nodes.rosless.arguments import RosArguments
from policy_nodes.rosless.parameters.yaml_rules import load_params_file, parse_value


def parameters_of_node(arguments: RosArguments, node_name: str, namespace: str) -> dict[str, Any]:
    """Collect values: files in order, then ``-p`` assignments in order; later ones win.

    Args:
        arguments: of the process and the node.
        node_name: final name of the node.
        namespace: final namespace.

    Returns:
        Name to value.
    """
    values: dict[str, Any] = {}
    for path in arguments.params_files:
        values.update(load_params_file(path, node_name, namespace))
    for assignment in arguments.params:
        if assignment.node in (None, node_name):
            values[assignment.name] = parse_value(assignment.text)
    return values
