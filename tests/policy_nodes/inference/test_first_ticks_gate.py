import pytest

from policy_nodes.errors import ConfigError
from policy_nodes.inference.first_ticks import GRAVITY
from policy_nodes.inference.first_ticks_gate import MODES, FirstTicksGate, parse_mode
from tests.policy_nodes.inference.test_first_ticks import DEFAULT, SECOND, manifest

DEGREES = [57.3 * value for value in DEFAULT]


def feed(gate, joints, start=0):
    for index in range(26):
        stamp = start + index * SECOND // 50
        gate.on_sample("joint_position", stamp, stamp + 2_000_000, joints)
        gate.on_sample("imu", stamp, stamp + 2_000_000, (0.0, 0.0, GRAVITY))


def test_ignore_never_looks():
    gate = FirstTicksGate(manifest(), "ignore", 0)
    feed(gate, DEGREES)
    assert gate.open and not gate.watching and gate.poll(SECOND) == () and gate.findings == ()


def test_warn_reports_once_and_lets_the_policy_plan():
    gate = FirstTicksGate(manifest(), "warn", 0)
    assert gate.open and gate.watching
    feed(gate, DEGREES)
    assert gate.poll(SECOND // 10) == ()  # the window is not full
    findings = gate.poll(SECOND)
    assert findings and findings == gate.findings and gate.open and not gate.watching
    assert gate.poll(2 * SECOND) == ()


def test_require_waits_until_the_robot_fits():
    gate = FirstTicksGate(manifest(), "require", 0)
    assert not gate.open
    feed(gate, DEGREES)
    assert gate.poll(SECOND) and not gate.open and gate.watching
    feed(gate, DEFAULT, start=SECOND)
    assert gate.poll(2 * SECOND) == () and gate.open and gate.findings == ()


@pytest.mark.parametrize("mode", MODES)
def test_a_robot_that_fits_is_let_through(mode):
    gate = FirstTicksGate(manifest(), mode, 0)
    feed(gate, DEFAULT)
    assert gate.poll(SECOND) == () and gate.open and not gate.watching


def test_a_term_with_a_fallback_may_be_silent():
    contract = manifest(fallback=[0.0, 0.0, 0.0])
    gate = FirstTicksGate(contract, "require", 0)
    for index in range(26):
        stamp = index * SECOND // 50
        gate.on_sample("joint_position", stamp, stamp, DEFAULT)
    gate.on_sample("imu", 0, 0, (0.0, 0.0, 0.0))
    assert gate.poll(SECOND) == () and gate.open


def test_a_mode_is_named_or_refused():
    assert [parse_mode(text) for text in ("ignore", "warn", "require")] == ["ignore", "warn", "require"]
    with pytest.raises(ConfigError, match="first_ticks is 'false'") as caught:  # what YAML makes of 'off'
        parse_mode("false")
    assert "ignore, warn, require" in caught.value.fix
