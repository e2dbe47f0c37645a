import importlib
import sys

import pytest

from policy_nodes.errors import KeelError
from policy_nodes.rosless import activate
from policy_nodes.rosless.finder import RCLPY_MODULES, message_modules

pytestmark = pytest.mark.skipif(activate.STACK != "rosless", reason="a real ROS 2 is used")


def test_every_served_module_imports_and_keeps_its_promises():
    for name in [*RCLPY_MODULES, *message_modules()]:
        module = importlib.import_module(name)
        assert all(hasattr(module, public) for public in module.__all__), name


def test_unknown_names_raise():
    import rclpy

    with pytest.raises(AttributeError, match="rosless does not provide it"):
        _ = rclpy.no_such_thing
    with pytest.raises(ImportError):
        from rclpy.node import NoSuchThing  # noqa: F401
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("rclpy.action")
    with pytest.raises(ImportError):
        from sensor_msgs.msg import NoSuchMessage  # noqa: F401


def test_internals_do_not_leak():
    import rclpy.node
    import rclpy.validate_topic_name

    assert not hasattr(rclpy.node, "weakref") and rclpy.validate_topic_name.__all__ == ["validate_topic_name"]
    assert "rosless" in rclpy.__spec__.origin


def test_the_finder_comes_last_and_once():
    from policy_nodes.rosless.finder import RosFinder

    assert activate.ensure_ros() == activate.ensure_ros() == "rosless"
    assert [isinstance(finder, RosFinder) for finder in sys.meta_path].count(True) == 1


def in_fresh_process(run_python, code, **env):
    process = run_python(code, env={"KEEL_QUIET": "", **env})
    out, err = process.communicate(timeout=20)
    return process.returncode, out, err


ENSURE = "from policy_nodes.rosless.activate import ensure_ros\nprint(ensure_ros())\n"


def test_banner(run_python):
    code, out, err = in_fresh_process(run_python, ENSURE)
    assert code == 0 and out == "rosless\n"
    assert err.count("\n") == 1 and "rosless on cyclonedds" in err and "localhost" in err


def test_a_required_ros_is_not_replaced(run_python):
    code, _, err = in_fresh_process(run_python, ENSURE, KEEL_REQUIRE_ROS="1")
    assert code == 1 and "KEEL_REQUIRE_ROS is set" in err and "setup" in err


def test_a_real_rclpy_is_preferred(run_python, tmp_path):
    (tmp_path / "rclpy.py").write_text("REAL = True\n")
    code, out, _ = in_fresh_process(run_python, ENSURE + "import rclpy; print(rclpy.REAL)", PYTHONPATH=str(tmp_path))
    assert code == 0 and out == "rclpy\nTrue\n"


def test_half_a_ros_is_refused(run_python, tmp_path):
    (tmp_path / "std_msgs").mkdir()
    (tmp_path / "std_msgs" / "__init__.py").write_text("")
    code, _, err = in_fresh_process(run_python, ENSURE, PYTHONPATH=str(tmp_path))
    assert code == 1 and "std_msgs" in err and "never mixed" in err


def test_without_cyclonedds_the_error_says_what_to_install(run_python):
    hide = "import sys, importlib.abc\nsys.modules['cyclonedds'] = None\n"
    code, _, err = in_fresh_process(run_python, hide + ENSURE)
    assert code == 1 and "keel[rosless]" in err


def test_plain_import_of_the_package_is_light(run_python):
    code, out, _ = in_fresh_process(
        run_python,
        "import policy_nodes.rosless.activate, sys\nprint('cyclonedds' in sys.modules, 'rclpy' in sys.modules)",
    )
    assert code == 0 and out == "False False\n"


def test_unsupported_parts_are_errors_with_a_fix():
    from policy_nodes.rosless.errors import UnsupportedError, unsupported

    error = unsupported("x")
    assert (
        isinstance(error, KeelError) and isinstance(error, UnsupportedError) and isinstance(error, NotImplementedError)
    )
    assert "docs/ros.md" in error.fix
