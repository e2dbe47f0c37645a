"""What ``import rclpy`` gets from the layer, type descriptions, and small conversions around it."""

import importlib.util
import math
import sys
import threading
from types import SimpleNamespace

import pytest

from policy_nodes.rosless import finder as finders
from policy_nodes.rosless.errors import UnsupportedError, unsupported
from policy_nodes.rosless.idl import message_class, rihs01, service_class
from policy_nodes.rosless.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    InvalidQoSProfileException,
    LivelinessPolicy,
    QoSPolicyKind,
    QoSPresetProfiles,
    QoSProfile,
    ReliabilityPolicy,
    qos_policy_name_from_kind,
)
from policy_nodes.rosless.signals import DEFAULT_DEADLINE_S, deadline_s
from policy_nodes.rosless.type_description import answer, description_message, sources, types_in_use
from policy_nodes.rosless.utilities import remove_ros_args, timeout_sec_to_nsec

pytestmark = pytest.mark.pure

GetTypeDescription = service_class("type_description_interfaces/srv/GetTypeDescription")
Trigger = service_class("std_srvs/srv/Trigger")
Header = message_class("std_msgs/msg/Header")


@pytest.fixture(scope="module")
def finder():
    return finders.make_finder()


def test_packages_and_modules(finder):
    for name in ("rclpy", "rclpy.lifecycle", "std_msgs", "sensor_msgs"):
        assert finder.find_spec(name).submodule_search_locations is not None, name
    for name in ("rclpy.qos", "std_msgs.msg", "std_srvs.srv"):
        assert finder.find_spec(name).submodule_search_locations is None, name
    assert finder.find_spec("rclpy.action") is None and finder.find_spec("numpy") is None


def load(finder, name):
    spec = finder.find_spec(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert name not in sys.modules or sys.modules[name] is not module
    return module


def test_a_served_module_has_its_public_names_and_says_what_it_lacks(finder):
    msg = load(finder, "std_msgs.msg")
    assert msg.Header is Header and "Header" in msg.__all__
    with pytest.raises(AttributeError, match=r"'std_msgs\.msg' has no attribute 'Nonsense'; rosless does not"):
        _ = msg.Nonsense
    with pytest.raises(AttributeError) as caught:
        _ = msg.__wrapped__
    assert "rosless" not in str(caught.value)  # inspection asks for such names all the time


def test_every_served_module_can_be_loaded(finder):
    for name in finders.RCLPY_MODULES:
        module = load(finder, name)
        assert module.__all__ and all(hasattr(module, public) for public in module.__all__), name


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, DEFAULT_DEADLINE_S), ("", DEFAULT_DEADLINE_S), ("soon", DEFAULT_DEADLINE_S), ("nan", DEFAULT_DEADLINE_S),
        ("2.5", 2.5), ("0", 0.0), ("-3", 0.0), ("inf", 0.0), ("-inf", 0.0), ("1e300", threading.TIMEOUT_MAX),
    ],
)  # fmt: skip
def test_deadlines_that_a_thread_can_wait_for(text, seconds):
    found = deadline_s(text)
    assert found == seconds and math.isfinite(found)


@pytest.mark.parametrize(
    ("seconds", "nanoseconds"), [(None, -1), (-0.5, -1), (0, 0), (0.25, 250_000_000), (2, 2_000_000_000)]
)
def test_timeouts(seconds, nanoseconds):
    assert timeout_sec_to_nsec(seconds) == nanoseconds


def test_what_is_left_of_a_command_line(monkeypatch):
    line = ["prog", "a", "--ros-args", "-r", "x:=y", "--", "b", "--ros-args", "-p", "k:=1"]
    assert remove_ros_args(line) == ["prog", "a", "b"]
    monkeypatch.setattr("sys.argv", line[:2])
    assert remove_ros_args() == ["prog", "a"]


def test_policies_by_their_short_keys():
    assert (
        ReliabilityPolicy.get_from_short_key("best_effort") == 2
        and DurabilityPolicy.TRANSIENT_LOCAL.short_key == "transient_local"
    )
    assert HistoryPolicy.short_keys() == ["system_default", "keep_last", "keep_all", "unknown"]
    assert LivelinessPolicy.MANUAL_BY_TOPIC == 3  # 2 was MANUAL_BY_NODE
    with pytest.raises(KeyError):
        ReliabilityPolicy.get_from_short_key("sometimes")
    assert [qos_policy_name_from_kind(kind) for kind in (2, QoSPolicyKind.LIFESPAN)] == ["DURABILITY", "LIFESPAN"]


def test_presets_are_rmws():
    found = {
        preset.name: (preset.value.depth, preset.value.reliability.name, preset.value.durability.name)
        for preset in QoSPresetProfiles
    }
    assert found["SENSOR_DATA"] == (5, "BEST_EFFORT", "VOLATILE")
    assert found["PARAMETERS"] == (1000, "RELIABLE", "VOLATILE")
    assert found["ACTION_STATUS_DEFAULT"] == (1, "RELIABLE", "TRANSIENT_LOCAL")
    assert found["SYSTEM_DEFAULT"] == (0, "SYSTEM_DEFAULT", "SYSTEM_DEFAULT")
    assert QoSPresetProfiles.get_from_short_key("sensor_data") is QoSPresetProfiles.SENSOR_DATA.value


def test_profiles_need_a_history_or_a_depth():
    for options in ({}, {"reliability": ReliabilityPolicy.RELIABLE}, {"history": HistoryPolicy.KEEP_LAST}):
        with pytest.raises(InvalidQoSProfileException, match="Invalid QoSProfile"):
            QoSProfile(**options)
    assert QoSProfile(history=HistoryPolicy.KEEP_ALL).depth == 10
    assert QoSProfile(depth=3) == QoSProfile(history=1, depth=3, reliability=1, durability=2)
    assert QoSProfile(depth=3) != QoSProfile(depth=4) and QoSProfile(depth=3) != 3


@pytest.mark.parametrize(
    "wrong", [{"depth": 1.0}, {"depth": 1, "deadline": 0.1}, {"depth": 1, "reliability": "RELIABLE"}]
)
def test_values_of_another_type_are_named(wrong):
    with pytest.raises(TypeError, match=f"QoSProfile.{list(wrong)[-1]} must be"):
        QoSProfile(**wrong)


def test_a_misspelt_policy_is_refused():
    profile = QoSProfile(depth=1)
    with pytest.raises(AttributeError, match="relyability"):
        profile.relyability = 1
    with pytest.raises(AttributeError, match="relyability"):
        _ = profile.relyability
    with pytest.raises(ValueError, match="77"):
        profile.durability = 77


def test_unsupported_features_say_what_to_do():
    error = unsupported("create_publisher(x=...)")
    assert isinstance(error, UnsupportedError) and "create_publisher(x=...)" in error.cause and error.fix


def node(*, publishers=(), services=()):
    return SimpleNamespace(
        publishers=[SimpleNamespace(msg_type=cls) for cls in publishers],
        subscriptions=[],
        services=[SimpleNamespace(srv_type=cls) for cls in services],
        clients=[],
    )


def ask(own, type_hash, include=True):
    request = GetTypeDescription.Request(type_name="", type_hash=type_hash, include_type_sources=include)
    return answer(own, request, GetTypeDescription.Response())


def test_a_type_in_use_is_described_by_its_hash():
    found = ask(node(publishers=[Header]), rihs01(Header))
    description = found.type_description
    assert found.successful and description.type_description.type_name == "std_msgs/msg/Header"
    assert [field.name for field in description.type_description.fields] == ["stamp", "frame_id"]
    (time,) = description.referenced_type_descriptions
    assert [(field.name, field.type.type_id) for field in time.fields] == [("sec", 6), ("nanosec", 7)]
    assert [source.type_name for source in found.type_sources] == ["std_msgs/msg/Header", "builtin_interfaces/msg/Time"]
    assert ask(node(publishers=[Header]), rihs01(Header), include=False).type_sources == []


def test_a_service_is_described_with_its_halves():
    names = [part.type_name for part in sources("std_srvs/srv/Trigger")]
    assert names[0] == "std_srvs/srv/Trigger" and "std_srvs/srv/Trigger_Request" in names
    encodings = {part.type_name: part.encoding for part in sources("std_srvs/srv/Trigger")}
    assert encodings["std_srvs/srv/Trigger"] == "dynamic" and encodings["std_srvs/srv/Trigger_Event"] == "implicit"
    assert ask(node(services=[Trigger]), rihs01(Trigger)).successful
    fields = description_message("std_srvs/srv/Trigger").type_description.fields
    assert [field.name for field in fields] == ["request_message", "response_message", "event_message"]


@pytest.mark.parametrize("text", ["", "RIHS01_", "RIHS02_" + "0" * 64, "RIHS01_" + "G" * 64, "RIHS01_" + "0" * 65])
def test_what_is_no_hash_is_said(text):
    found = ask(node(publishers=[Header]), text)
    assert not found.successful and found.failure_reason == "Failed to parse type hash"


def test_a_type_that_is_not_in_use_is_not_described():
    found = ask(node(publishers=[Header]), "RIHS01_" + "0" * 64)
    assert not found.successful and "not currently in use" in found.failure_reason
    assert list(types_in_use(node(publishers=[Header], services=[Trigger]))) == [Header, Trigger]
