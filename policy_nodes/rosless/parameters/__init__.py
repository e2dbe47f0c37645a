"""Parameters of ROS 2 nodes: values, files with rcl's rules, descriptors, services."""

from policy_nodes.rosless.parameters.node import start_parameters
from policy_nodes.rosless.parameters.parameter import (
    PARAMETER_SEPARATOR_STRING,
    Parameter,
    get_parameter_value,
    parameter_value_to_python,
)
from policy_nodes.rosless.parameters.setting import ParameterSetting as ParameterNode
from policy_nodes.rosless.parameters.yaml_rules import ParameterFileError, load_params_file, parse_value

__all__ = [
    "PARAMETER_SEPARATOR_STRING",
    "Parameter",
    "ParameterFileError",
    "ParameterNode",
    "get_parameter_value",
    "load_params_file",
    "parameter_value_to_python",
    "parse_value",
    "start_parameters",
]
