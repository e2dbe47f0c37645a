"""A node without middleware: records what its parameters publish and which services they offer."""

from types import SimpleNamespace

from policy_nodes.rosless.idl import message_class
from policy_nodes.rosless.parameters import ParameterNode, start_parameters

Time = message_class("builtin_interfaces/msg/Time")


class FakeNode(ParameterNode):
    def __init__(self, namespace="/", **options):
        self.namespace, self.events, self.services = namespace, [], {}
        start_parameters(self, **options)

    def create_publisher(self, msg_type, topic, qos):
        assert topic == "/parameter_events" and qos.depth == 1000
        return SimpleNamespace(publish=self.events.append)

    def create_service(self, srv_type, name, callback, qos_profile):
        self.services[name] = (srv_type, callback)

    def get_name(self):
        return "arm"

    def get_namespace(self):
        return self.namespace

    def get_clock(self):
        return SimpleNamespace(now=lambda: SimpleNamespace(to_msg=lambda: Time(sec=7)))

    def call(self, name, **request):
        srv_type, callback = self.services[f"arm/{name}"]
        return callback(srv_type.Request(**request), srv_type.Response())
