import time

import pytest

from policy_nodes.bundle.files import check_yaml
from policy_nodes.bundle.load import load_bundle
from policy_nodes.errors import BundleError
from tests.policy_nodes.bundle.resealing import replace_file
from tests.policy_nodes.bundle_fixture import make_bundle, safety_yaml

LAUGHS = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))


@pytest.mark.parametrize(
    ("text", "said"),
    [(LAUGHS, "anchor, alias or tag in line 1"), ("x: 1\ny: !!binary aGk=\n", "in line 2"), ("b: *a\n", "in line 1")],
)
def test_what_unfolds_is_refused(text, said):
    with pytest.raises(ValueError, match=said):
        check_yaml(text)


@pytest.mark.parametrize("text", [safety_yaml().decode(), "", "x: [", "text with * and & in it", "x: '&a'"])
def test_plain_and_broken_yaml_are_left_to_their_reader(text):
    check_yaml(text)


@pytest.mark.parametrize(
    "text", ["[" * 200_000, "[\n" * 100_000, "- " * 100_000, "? " * 100_000, "x: " + "{" * 33, "]" * 99 + "[" * 33]
)
def test_deep_nesting_is_refused_before_a_parser_sees_it(text):
    """libyaml needs minutes for 200 KB of brackets."""
    started = time.perf_counter()
    with pytest.raises(ValueError, match="nested beyond reason in line"):
        check_yaml(text)
    assert time.perf_counter() - started < 2.0


@pytest.mark.parametrize(
    "text", ["a: 1\n" * 40_000, "- [1, 2]\n" * 20_000, "[[], []]\n", "# [[[\n" * 9, "x: " + "[1]," * 99]
)
def test_long_is_not_deep(text):
    started = time.perf_counter()
    check_yaml(text)
    assert time.perf_counter() - started < 5.0


def test_a_bundle_with_it_is_refused(tmp_path):
    path = make_bundle(tmp_path)
    replace_file(path, "safety.yaml", LAUGHS.encode())
    with pytest.raises(BundleError, match=r"'safety\.yaml': uses a YAML anchor"):
        load_bundle(path)
    replace_file(path, "safety.yaml", b"x: 1\n" * 100_000)
    with pytest.raises(BundleError, match="500000 bytes"):
        load_bundle(path)
