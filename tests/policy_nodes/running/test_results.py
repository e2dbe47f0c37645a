import json

import numpy as np
import pytest

from policy_nodes.bundle.load import load_bundle
from policy_nodes.errors import ConfigError
from policy_nodes.running.episodes import EpisodeResult
from policy_nodes.running.results import loop_records, write_results
from tests.policy_nodes.bundle_fixture import LOW, make_bundle
from tests.policy_nodes.running.traces import result, trace

pytestmark = pytest.mark.pure

TIMING = {"p50": "0.500", "p99": "1.000", "p999": "2.000", "max": "3.000"}


def values(prefix, **more):
    return {f"{prefix} {key} (ms)": value for key, value in TIMING.items()} | more


def test_loops_say_what_is_measured():
    safety = values("tick", **{"loop ticks": "100", "loop overruns": "2"}) | values("wake-up")
    policy = values("latency", **{"chunks": "12", "over budget": "1"})
    records = loop_records({"safety_node": safety, "policy_node": policy})
    assert list(records) == ["safety_node tick duration", "safety_node wake-up lateness", "policy_node chunk latency"]
    tick = records["safety_node tick duration"]
    assert tick == {
        "p50_us": 500.0, "p99_us": 1000.0, "p999_us": 2000.0, "max_us": 3000.0, "ticks": 100, "overruns": 2,
    }  # fmt: skip
    assert records["policy_node chunk latency"]["ticks"] == 12 and records["policy_node chunk latency"]["overruns"] == 1


def test_a_loop_without_samples_is_left_out():
    assert loop_records({"safety_node": {"tick p50 (ms)": "1.0"}}) == {}
    assert loop_records({}) == {}


@pytest.fixture
def bundle(tmp_path):
    return load_bundle(make_bundle(tmp_path))


def write(directory, bundle, faults):
    episodes = [EpisodeResult(0, True, 2_000_000_000, 4_500_000_000, "")]
    return write_results(directory, bundle, stack="rosless", domain=7, episodes=episodes, faults=faults, diagnostics={})


def test_run_json(tmp_path, bundle):
    widened = trace()
    for name in ("joint_position", "joint_velocity", "command"):
        widened[name] = np.repeat(widened[name], 8, axis=1)
    widened["command"] = np.array(LOW) / 2 + 0.001 * widened["command"]  # within every joint's limits
    np.savez(tmp_path / "trace.npz", **widened)
    events = [{"t": 0.5, "stamp_ns": 1, "state": "READY", "reason": "", "backup": "", "stop_category": ""}]
    (tmp_path / "events.json").write_text(json.dumps({"t0_ns": 0, "lost": 3, "events": events}))
    returned = write(tmp_path, bundle, [result()])
    written = json.loads((tmp_path / "run.json").read_text())
    assert written == returned
    assert written["control_period_s"] == 0.02 and written["domain"] == 7 and written["samples_lost"] == 3
    assert written["episodes"] == [
        {"index": 0, "success": True, "duration_s": 2.5, "t_start": 2.0, "t_end": 4.5, "stopped_by": ""}
    ]
    assert written["events"] == [{"t": 0.5, "state": "READY", "reason": "", "backup": ""}]
    assert written["faults"][0]["passed"] is True
    assert not list(tmp_path.glob(".*"))


def test_without_a_trace_there_is_no_result(tmp_path, bundle):
    with pytest.raises(ConfigError, match="the recorder left no trace"):
        write(tmp_path, bundle, [])
    assert not (tmp_path / "run.json").exists()
