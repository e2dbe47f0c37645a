import sys

import pytest

from policy_nodes.launching.errors import LaunchError
from policy_nodes.launching.node_action import join_namespaces
from policy_nodes.launching.packages import executable_command, share_directory

from .ament import ament_environment

pytestmark = pytest.mark.pure


def test_keel_runs_in_this_python():
    assert executable_command("keel", "safety_node", {}) == [
        sys.executable, "-m", "policy_nodes.nodes._entry", "safety_node",
    ]  # fmt: skip


def test_other_packages_come_from_the_sourced_workspace(tmp_path):
    env = ament_environment(tmp_path / "ament")
    assert executable_command("demo", "sleeper", env) == [str(tmp_path / "ament/lib/demo/sleeper")]
    assert share_directory("demo", env) == tmp_path / "ament/share/demo"
    (tmp_path / "ament/lib/demo/sleeper").chmod(0o644)
    with pytest.raises(LaunchError, match="not installed"):
        executable_command("demo", "sleeper", env)


@pytest.mark.parametrize(
    ("outer", "inner", "joined"),
    [("", "", ""), ("", "a", "/a"), ("/r", "", "/r"), ("/r", "a", "/r/a"), ("/r", "/a", "/a"), ("r/", "a/b", "/r/a/b")],
)
def test_namespaces(outer, inner, joined):
    assert join_namespaces(outer, inner) == joined
