"""The scalar rules against the very C functions that rcl calls."""

import ctypes
import math
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_nodes.rosless.parameters.yaml_rules import parse_scalar

pytestmark = [pytest.mark.pure, pytest.mark.skipif(not sys.platform.startswith("linux"), reason="calls glibc")]

ERANGE = 34


def _convert(function, restype, text, *base):
    libc = ctypes.CDLL(None, use_errno=True)
    call = getattr(libc, function)
    call.restype = restype
    call.argtypes = [ctypes.c_char_p, ctypes.POINTER(ctypes.c_char_p), *([ctypes.c_int] * len(base))]
    raw = ctypes.create_string_buffer(text.encode())
    end = ctypes.c_char_p()
    ctypes.set_errno(0)
    value = call(ctypes.cast(raw, ctypes.c_char_p), ctypes.byref(end), *base)
    consumed = ctypes.cast(end, ctypes.c_void_p).value - ctypes.addressof(raw)
    return value if text and consumed == len(text.encode()) and ctypes.get_errno() == 0 else None


def libc_value(text):
    """Number that rcl's get_value finds in an unquoted scalar without dots before names, else the text."""
    integer = _convert("strtoll", ctypes.c_longlong, text, 0)
    if integer is not None:
        return integer
    double = _convert("strtod", ctypes.c_double, text)
    return text if double is None else double


@settings(max_examples=300, deadline=None)
@given(
    st.text("0123456789+-.eExXaAfFpPnNiI_ity", min_size=1, max_size=9)
    | st.from_regex(r"[+-]?[0-9]{1,3}\.?[0-9]{0,3}([eE][+-]?[0-9]{1,3})?", fullmatch=True)
    | st.from_regex(r"[+-]?0[xX][0-9a-fA-F]{1,4}\.?[0-9a-fA-F]{0,2}([pP][+-]?[0-9]{1,2})?", fullmatch=True)
    | st.sampled_from(
        ["inf", "-INF", "nan", "Infinity", "infinit", "0x", "1e", "1e+", "+", ".", "-.", "0x.8", "00", "09"]
    )
)
def test_scalars_equal_strtoll_and_strtod(text):
    if text.lower() in ("y", "n", "no", "yes", "on", "off", "true", "false"):
        return
    expected = libc_value(text)
    if text.lower() in (".nan", ".inf", "-.inf", "+.inf"):
        return  # YAML's own spellings, tested by hand
    parsed = parse_scalar(text)
    assert type(parsed) is type(expected), (text, parsed, expected)
    assert parsed == expected or (isinstance(parsed, float) and math.isnan(parsed) and math.isnan(expected))
