from pathlib import Path

import pytest

from policy_nodes.launching.errors import LaunchError
from policy_nodes.launching.substitutions import Substituter

pytestmark = pytest.mark.pure

FILE = Path("/some/where/x.launch.yaml")


@pytest.fixture
def substitute():
    return Substituter({"a": "1", "name": "HOME", "spaced": "x y"}, {"HOME": "/home/me"}, FILE)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("plain", "plain"), ("$(var a)", "1"), ("x$(var a)y$(var a)", "x1y1"), ("$(env HOME)", "/home/me"),
        ("$(env MISSING fallback)", "fallback"), ("$(env MISSING '')", ""), ("$(env $(var name))", "/home/me"),
        ("$(dirname)/b.yaml", "/some/where/b.yaml"), ("$(var spaced)", "x y"), ("f(x) $5", "f(x) $5"), ("", ""),
        ("$(env MISSING 'a b')", "a b"),
    ],
)  # fmt: skip
def test_supported(substitute, text, result):
    assert substitute(text) == result


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("$(var b)", "neither an argument"), ("$(env NOPE)", "'NOPE' is not set"),
        ("$(eval 1 + 1)", "must not run code"),
        ("$(command ls)", "not supported"), ("$(var a", "without '\\)'"), ("$()", "not supported"),
        ("$(var)", "not supported"), ("$(find-pkg-share nothing)", "no share directory"), ("$(var 'a)", "cannot read"),
    ],
)  # fmt: skip
def test_refused_with_cause_and_fix(substitute, text, cause):
    with pytest.raises(LaunchError, match=cause) as caught:
        substitute(text)
    assert caught.value.fix


def test_share_directory_of_keel_holds_its_launch_files(substitute):
    assert (Path(substitute("$(find-pkg-share keel)")) / "launch").is_dir()
