"""Parameter files and ``-p`` values read exactly as rcl's YAML parser reads them.

PyYAML alone disagrees with a robot in silence: it reads ``1e-3`` as text and ``1_000`` as a number, rcl the other way
round. The rules here are those of rcl_yaml_param_parser: C's ``strtoll`` with automatic base, then ``strtod``, for
scalars that are not quoted; sequences of one type only; no aliases; node names matched with ``*`` and ``**``.
"""

from __future__ import annotations

import math
import re
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

from policy_nodes.errors import ConfigError
from policy_nodes.rosless.exceptions import RCLInvalidROSArgsError

PARAMETERS_KEY = "ros__parameters"
_TRUE = {f(word) for word in ("y", "yes", "true", "on") for f in (str.lower, str.upper, str.capitalize)}
_FALSE = {f(word) for word in ("n", "no", "false", "off") for f in (str.lower, str.upper, str.capitalize)}
_INTEGER = re.compile(r"[+-]?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_HEXADECIMAL = re.compile(r"[+-]?0[xX]([0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)([pP][+-]?[0-9]+)?")
_SPECIAL = re.compile(r"([+-]?)(inf|infinity|nan)", re.IGNORECASE)
_DOTTED = re.compile(r"([+-]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class ParameterFileError(ConfigError, RCLInvalidROSArgsError):
    """A parameter file or override cannot be read, or rcl would refuse it."""


@dataclass(frozen=True)
class _Scalar:
    text: str
    quoted: bool  # in quotes, or tagged !!str
    line: int


@dataclass(frozen=True)
class _Sequence:
    items: tuple[_Scalar, ...]
    line: int


_Mapping = list  # of (_Scalar, node) pairs, in file order, duplicates kept
_Node = Any


def parse_scalar(text: str, quoted: bool = False) -> bool | int | float | str:
    """Value of one scalar.

    Args:
        text: the scalar without quotes.
        quoted: whether it stood in quotes or was tagged ``!!str``, which makes it text.
    """
    if quoted:
        return text
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INTEGER.fullmatch(text):
        digits = text.lstrip("+-")
        base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10
        number = int(digits, base) * (-1 if text[0] == "-" else 1)
        if -(2**63) <= number < 2**63:
            return number
    value = _double(text)
    return text if value is None else value


def _double(text: str) -> float | None:
    """C's strtod on the whole text; None where it would stop early or leave the range of a double."""
    if special := _DOTTED.fullmatch(text) or _SPECIAL.fullmatch(text):
        kind = text.lower().lstrip("+-.")[:3]
        return math.copysign(float(kind), -1.0 if special[1] == "-" else 1.0)
    if _DECIMAL.fullmatch(text):
        value = float(text)
        if value == 0.0:
            return None if re.search("[1-9]", re.split("[eE]", text)[0]) else value
        return None if math.isinf(value) or (_denormal(value) and Fraction(text) != Fraction(value)) else value
    if _HEXADECIMAL.fullmatch(text):
        try:
            value = float.fromhex(text)
        except OverflowError:
            return None
        digits, exponent = _hexadecimal(text)
        if value == 0.0:
            return None if digits else value
        return None if _denormal(value) and Fraction(2) ** exponent * digits != abs(Fraction(value)) else value
    return None


def _denormal(value: float) -> bool:
    """Whether strtod reports a range error for ``value`` unless it is exact."""
    return abs(value) < sys.float_info.min


def _hexadecimal(text: str) -> tuple[int, int]:
    """Digits of a hexadecimal number as one whole number, and the power of two that it is multiplied with."""
    mantissa, _, exponent = text.lower().lstrip("+-")[2:].partition("p")
    whole, _, fraction = mantissa.partition(".")
    return int(whole + fraction, 16), int(exponent or 0) - 4 * len(fraction)


def _tree(source: str, where: str) -> _Node:
    """Event stream to nested nodes, refusing what rcl refuses."""
    stream = yaml.parse(source, Loader=yaml.SafeLoader)

    def node(event: Any) -> _Node:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.ScalarEvent):
            tagged = event.tag == "tag:yaml.org,2002:str"
            return _Scalar(event.value, event.style in ("'", '"') or tagged, line)
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(inner := next(stream), yaml.SequenceEndEvent):
                item = node(inner)
                if not isinstance(item, _Scalar):
                    raise _refused(where, line, "a sequence inside a sequence, or a mapping inside one,")
                items.append(item)
            return _Sequence(tuple(items), line)
        if isinstance(event, yaml.MappingStartEvent):
            pairs = _Mapping()
            while not isinstance(inner := next(stream), yaml.MappingEndEvent):
                key = node(inner)
                if not isinstance(key, _Scalar):
                    raise _refused(where, line, "a key that is no plain name")
                pairs.append((key, node(next(stream))))
            return pairs
        raise _refused(where, line, "an alias (*name)")

    try:
        documents = [node(event) for event in stream if isinstance(event, yaml.NodeEvent)]
    except yaml.YAMLError as error:
        raise ParameterFileError(f"{where} is not YAML: {error}", "Correct the syntax.") from error
    return documents[-1] if documents else None


def _refused(where: str, line: int, what: str) -> ParameterFileError:
    return ParameterFileError(f"{where}, line {line}: {what} is not allowed in ROS parameters.", "Write plain values.")


def _value(node: _Node, where: str) -> Any:
    if isinstance(node, _Scalar):
        if not node.text and not node.quoted:
            raise ParameterFileError(f"{where}, line {node.line}: no value.", 'Write one, or "" for empty text.')
        return parse_scalar(node.text, node.quoted)
    values = [_value(item, where) for item in node.items]
    kinds = {type(value) for value in values}
    if len(kinds) > 1:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise ParameterFileError(
            f"{where}, line {node.line}: a sequence mixes {names}; rcl accepts one type.",
            "Write 1.0 for 1, for example.",
        )
    return values or None  # rcl leaves a parameter with an empty sequence unset


def parse_value(text: str) -> Any:
    """Value of a ``-p name:=text`` override: a scalar or a sequence of one type.

    Raises:
        ParameterFileError: the text is empty, not YAML, a mapping, or mixes types.
    """
    tree = _tree(text, f"parameter value {text!r}")
    if tree is None or isinstance(tree, _Mapping):
        raise ParameterFileError(f"parameter value {text!r} is no value.", "Write a scalar or a sequence.")
    return _value(tree, f"parameter value {text!r}")


def node_matches(pattern: str, fully_qualified_name: str) -> bool:
    """Whether a node key of a parameter file (``/**``, ``arm``, ``/ns/*``) covers a node such as ``/ns/arm``."""
    pattern = pattern if pattern.startswith("/") else "/" + pattern
    expression = re.escape(pattern).replace(r"/\*", r"(/\w+)").replace(r"\*", "*")
    return re.fullmatch(expression, fully_qualified_name, re.ASCII) is not None


def _parameters(pairs: _Mapping, prefix: str, where: str, into: dict[str, Any]) -> None:
    for key, node in pairs:
        name = prefix + key.text
        if isinstance(node, _Mapping):
            _parameters(node, name + ".", where, into)
        else:
            into[name] = _value(node, where)


def load_params_text(source: str, node_name: str, namespace: str = "/", where: str = "parameters") -> dict[str, Any]:
    """Like `load_params_file` for text; ``where`` names its origin in errors."""
    full_name = f"{'/' + namespace.strip('/') if namespace.strip('/') else ''}/{node_name}"
    result: dict[str, Any] = {}

    def visit(pairs: _Mapping, path: str) -> None:
        for key, node in pairs:
            if not isinstance(node, _Mapping):
                raise ParameterFileError(
                    f"{where}, line {key.line}: '{key.text}' has a value before '{PARAMETERS_KEY}'.",
                    f"Nest it as NODE_NAME: {PARAMETERS_KEY}: {key.text}: ...",
                )
            if key.text != PARAMETERS_KEY:
                visit(node, f"{path}/{key.text.strip('/')}" if path else key.text)
                continue
            if not path:
                raise ParameterFileError(
                    f"{where}, line {key.line}: no node name before '{PARAMETERS_KEY}'.",
                    "Put a node name, or /** for every node, above it.",
                )
            mine: dict[str, Any] = {}
            _parameters(node, "", where, mine)  # read in any case: rcl refuses the whole file for any bad value
            if node_matches(path, full_name):
                result.update(mine)

    tree = _tree(source, where)
    if not isinstance(tree, _Mapping):
        raise ParameterFileError(f"{where} is no mapping of node names.", f"Start it with /**: {PARAMETERS_KEY}: ...")
    visit(tree, "")
    return result


def load_params_file(path: str | Path, node_name: str, namespace: str = "/") -> dict[str, Any]:
    """Parameters of a YAML file that apply to one node; later entries override earlier ones, as in rcl.

    Args:
        path: file with ``NODE: ros__parameters: {...}`` entries.
        node_name: name of the node without namespace.
        namespace: its namespace, ``/`` for none.

    Returns:
        full parameter name (groups joined by dots) to bool, int, float, str, a list of one of these, or None for an
        empty sequence, which rcl treats as not set.

    Raises:
        ParameterFileError: the file cannot be read or rcl would refuse it.
    """
    try:
        source = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterFileError(f"cannot read the parameter file {path}: {error}", "Check the path.") from error
    return load_params_text(source, node_name, namespace, str(path))
