import importlib
import os
import sys
from pathlib import Path

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


def test_submodules_of_lifecycle_are_those_of_rclpy():
    from rclpy.lifecycle import LifecycleNode, LifecycleState, ManagedEntity
    from rclpy.lifecycle import Publisher as FromPackage
    from rclpy.lifecycle.managed_entity import ManagedEntity as Same
    from rclpy.lifecycle.managed_entity import SimpleManagedEntity
    from rclpy.lifecycle.node import LifecycleNode as SameNode
    from rclpy.lifecycle.node import LifecycleState as SameState
    from rclpy.lifecycle.node import TransitionCallbackReturn
    from rclpy.lifecycle.publisher import LifecyclePublisher

    assert (Same, SameNode, SameState, LifecyclePublisher) == (
        ManagedEntity,
        LifecycleNode,
        LifecycleState,
        FromPackage,
    )
    assert issubclass(LifecyclePublisher, SimpleManagedEntity) and TransitionCallbackReturn.SUCCESS.value == 97
    with pytest.raises(ImportError):
        from rclpy.lifecycle import LifecycleStateMachine  # noqa: F401  # not a name of rclpy


def test_names_that_jazzy_does_not_have_are_not_offered():
    import rclpy
    from rclpy.node import Node
    from rclpy.publisher import Publisher
    from rclpy.task import Future

    assert not hasattr(rclpy, "InitContextManager") and not hasattr(Future, "remove_done_callback")
    assert not hasattr(Node, "__enter__") and not hasattr(Publisher, "__enter__")


def test_the_domain_lock_leaves_no_open_socket_behind(run_python):
    """Also where the configuration is only imported, or the process is forked: both used to warn at their end."""
    code = """
import os, sys, warnings
warnings.simplefilter("always")
sys.path.insert(0, sys.argv[1])
import tests.conftest
if os.fork() == 0:
    sys.exit(0)
print(os.wait()[1], os.environ["ROS_DOMAIN_ID"])
"""
    root = str(Path(__file__).parents[3])
    process = run_python(code, root)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0 and "ResourceWarning" not in err, err
    status, domain = out.split()
    assert status == "0" and domain != os.environ["ROS_DOMAIN_ID"]
