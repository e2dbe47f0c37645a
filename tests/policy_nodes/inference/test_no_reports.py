"""Nothing that Keel runs on a robot tells anybody: the runtimes' usage reports are off before they could begin."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = str(Path(__file__).resolve().parents[3])
CPU = """
from tests.policy_nodes.bundle_fixture import tiny_model
from policy_nodes.inference.providers import create_session
create_session(tiny_model().SerializeToString(), "{}")
"""


def fresh_process(code, home):
    """What a program prints that sees an empty home directory, and of whose surroundings nothing is silenced."""
    inherited = {key: value for key, value in os.environ.items() if key not in ("ORT_DISABLE_TELEMETRY", "CI")}
    given = inherited | {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "PYTHONPATH": ROOT}
    done = subprocess.run([sys.executable, "-c", code], env=given, capture_output=True, text=True, check=True)
    return done.stdout


def test_onnx_runtime(tmp_path):
    """Its reporter would first leave an identifier of this machine and a queue of events in the cache directory."""
    fresh_process(CPU.format("cpu"), tmp_path)
    assert not list(tmp_path.rglob("*onnxruntime*"))


def test_openvino(tmp_path):
    """Its reporter would first leave an identifier below the home directory."""
    pytest.importorskip("openvino", reason='needs the openvino package: pip install "keel[openvino]"')
    pytest.importorskip("openvino_telemetry", reason="nothing here that could report")
    tell = "from openvino.tools.ovc import telemetry_utils; print(telemetry_utils.tm.__name__)"
    assert fresh_process(CPU.format("openvino") + tell, tmp_path) == "openvino.tools.ovc.telemetry_stub\n"
    assert not (tmp_path / "intel").exists()
