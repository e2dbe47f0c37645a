"""Numbers below the smallest normal double: strtod reports a range error unless they are exact, and rcl has text."""

import sys

import pytest

from policy_nodes.rosless.parameters.yaml_rules import parse_scalar

pytestmark = pytest.mark.pure

SMALLEST_NORMAL = sys.float_info.min  # 2**-1022


@pytest.mark.parametrize(
    "text",
    [
        "1e-310", "-1E-310", "5e-324", "2e-324", "1.5e-323", "2.225073858507201e-308",
        "0x1p-1075", "0x1p-1080", "-0x1.8p-1074", "0x0.00000000000018p-1022", "0x1.23456789abcdefp-1023",
    ],
)  # fmt: skip
def test_what_is_rounded_is_text(text):
    assert parse_scalar(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0x1p-1074", 2.0**-1074), ("-0x1p-1074", -(2.0**-1074)), ("0x3p-1074", 3 * 2.0**-1074),
        ("0x0.8p-1022", 2.0**-1023), ("0x1.8p-1073", 3 * 2.0**-1074), ("0x1p-1022", SMALLEST_NORMAL),
        ("2.2250738585072014e-308", SMALLEST_NORMAL), ("2.3e-308", 2.3e-308), ("-2.3e-308", -2.3e-308),
        ("0e-400", 0.0), ("0.0", 0.0), ("0x0p-2000", 0.0), ("0x0.0p0", 0.0), ("1e-300", 1e-300),
    ],
)  # fmt: skip
def test_what_is_exact_or_normal_is_a_number(text, value):
    parsed = parse_scalar(text)
    assert type(parsed) is float and parsed == value


def test_a_huge_negative_exponent_costs_nothing():
    assert parse_scalar("1e-999999999") == "1e-999999999"
    assert parse_scalar("0x1p-999999999") == "0x1p-999999999"
