"""``make test-ros`` on a robot imports neither the layer nor anything that a ROS 2 machine lacks.

A stand-in for ROS 2 is enough to show it: packages whose names can be imported, and whose use raises.
"""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import policy_nodes.rosless.activate as activate
from policy_nodes.rosless.finder import RCLPY_MODULES, message_modules

pytestmark = pytest.mark.skipif(activate.STACK != "rosless", reason="a real ROS 2 is used")

ROOT = Path(__file__).parents[3]
ABSENT = ("cyclonedds", "torch", "mujoco", "gymnasium", "onnxruntime", "onnx", "hypothesis", "pydantic", "daqp", "tyro")

STAND_IN = """
class Meta(type):
    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return make(name)

def refuse(*args, **kwargs):
    raise RuntimeError("the stand-in was used")

def make(name):
    if name.startswith("__"):
        raise AttributeError(name)
    if name.isupper() or name[0].isupper():
        return Meta(name, (), {"__init__": lambda self, *args, **kwargs: None})
    return refuse
"""

GUARD = """
import sys
for name in {absent!r}:
    sys.modules[name] = None  # an import of it raises
def pytest_collection_finish(session):
    layer = sorted(name for name in sys.modules if name.startswith("policy_nodes.rosless."))
    print("LAYER", layer)
    print("STAND-IN", sys.modules["rclpy"].__file__)
    print("COLLECTED", len(session.items))
"""


@pytest.fixture
def stand_in(tmp_path):
    """A directory with packages named as those of ROS 2."""
    for name in [*RCLPY_MODULES, *message_modules()]:
        folder = tmp_path.joinpath(*name.split("."))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "__init__.py").write_text("from keel_stand_in import make as __getattr__\n")
    (tmp_path / "keel_stand_in.py").write_text(STAND_IN)
    (tmp_path / "keel_guard.py").write_text(GUARD.format(absent=ABSENT))
    return tmp_path


def collect(stand_in, *options):
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-m", "ros", "tests/conformance", "-q", "-s", "-p", "keel_guard", *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(stand_in), "KEEL_REQUIRE_ROS": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_collection_uses_the_real_rclpy_and_nothing_of_the_layer(stand_in):
    done = collect(stand_in, "--collect-only")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = dict(line.split(" ", 1) for line in done.stdout.splitlines() if line.startswith(("LAYER", "STAND", "COLL")))
    assert lines["LAYER"] == "['policy_nodes.rosless.activate']"
    assert lines["STAND-IN"].startswith(str(stand_in))
    assert int(lines["COLLECTED"]) > 100


def test_the_tests_then_run_on_what_was_imported(stand_in):
    done = collect(stand_in, "-x", "tests/conformance/test_graph.py")
    assert done.returncode == 1 and "the stand-in was used" in done.stdout


def test_without_ros_the_target_fails_instead_of_skipping(tmp_path):
    (tmp_path / "keel_guard.py").write_text("")
    done = collect(tmp_path)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR and "KEEL_REQUIRE_ROS is set" in done.stdout + done.stderr


def test_the_suite_imports_ros_and_the_standard_library_only():
    """Children started by tests may call ``ensure_ros``; the modules themselves know nothing of Keel."""
    allowed = (
        {name.split(".")[0] for name in [*RCLPY_MODULES, *message_modules()]} | {"pytest"} | sys.stdlib_module_names
    )
    for path in (ROOT / "tests" / "conformance").glob("*.py"):
        for item in ast.walk(ast.parse(path.read_text())):
            modules = [item.module or ""] if isinstance(item, ast.ImportFrom) else []
            modules += [alias.name for alias in item.names] if isinstance(item, ast.Import) else []
            assert {module.split(".")[0] for module in modules} <= allowed, f"{path.name}: {modules}"
