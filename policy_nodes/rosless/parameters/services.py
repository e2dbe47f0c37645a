"""The six parameter services of a node: requests in, responses out, no exceptions for a remote mistake."""

from __future__ import annotations

from typing import Any

from policy_nodes.rosless.exceptions import ParameterException
from policy_nodes.rosless.idl import service_class
from policy_nodes.rosless.parameters.descriptors import refused
from policy_nodes.rosless.parameters.parameter import Parameter
from policy_nodes.rosless.parameters.setting import ParameterSetting


class ParameterServices:
    """Service callbacks over the parameters of one node.

    A query with one bad name answers with an empty list, as in rclpy: the response has no other place for an error.
    """

    def __init__(self, node: ParameterSetting) -> None:
        self._node = node

    def describe_parameters(self, request: Any, response: Any) -> Any:
        """Answer ``rcl_interfaces/srv/DescribeParameters``."""
        try:
            response.descriptors = self._node.describe_parameters(request.names)
        except ParameterException:
            response.descriptors = []
        return response

    def get_parameters(self, request: Any, response: Any) -> Any:
        """Answer ``rcl_interfaces/srv/GetParameters``."""
        try:
            response.values = [item.get_parameter_value() for item in self._node.get_parameters(request.names)]
        except ParameterException:
            response.values = []
        return response

    def get_parameter_types(self, request: Any, response: Any) -> Any:
        """Answer ``rcl_interfaces/srv/GetParameterTypes``."""
        try:
            response.types = [int(kind) for kind in self._node.get_parameter_types(request.names)]
        except ParameterException:
            response.types = []
        return response

    def list_parameters(self, request: Any, response: Any) -> Any:
        """Answer ``rcl_interfaces/srv/ListParameters``."""
        response.result = self._node.list_parameters(list(request.prefixes), request.depth)
        return response

    def _set(self, messages: Any) -> Any:
        try:
            return self._node.set_parameters_atomically([Parameter.from_parameter_msg(item) for item in messages])
        except (ParameterException, ValueError) as error:  # ValueError: a type number that does not exist
            return refused(str(error))

    def set_parameters(self, request: Any, response: Any) -> Any:
        """Answer ``rcl_interfaces/srv/SetParameters``, one result per parameter."""
        response.results = [self._set([item]) for item in request.parameters]
        return response

    def set_parameters_atomically(self, request: Any, response: Any) -> Any:
        """Answer ``rcl_interfaces/srv/SetParametersAtomically``."""
        response.result = self._set(request.parameters)
        return response


SERVICES = {
    name: service_class(f"rcl_interfaces/srv/{''.join(part.capitalize() for part in name.split('_'))}")
    for name in (
        "describe_parameters",
        "get_parameters",
        "get_parameter_types",
        "list_parameters",
        "set_parameters",
        "set_parameters_atomically",
    )
}
"""Service name under the node's own name, which is also the method that answers it, to service class."""
