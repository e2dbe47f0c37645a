"""Words of the specification language: those of rtamt 0.4 (Nickovic and Yamaguchi, arXiv 2005.11827), plus ``min max``.

Two differences, both on purpose. ``/`` is always division; rtamt takes ``a/b`` without spaces for a topic name. What is
not understood is an error with its place; rtamt ignores some of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from policy_nodes.errors import ConfigError

FUNCTIONS = {"abs": 1, "sqrt": 1, "exp": 1, "pow": 2, "min": 2, "max": 2}
"""Numeric functions and their number of arguments."""

_SPELLINGS = {
    "not": ("not", "!"),
    "and": ("and", "&"),
    "or": ("or", "|"),
    "iff": ("iff", "<->"),
    "implies": ("implies", "->"),
    "xor": ("xor",),
    "always": ("always", "G"),
    "eventually": ("eventually", "F"),
    "until": ("until", "U"),
    "unless": ("unless", "W"),
    "historically": ("historically", "H"),
    "once": ("once", "O"),
    "since": ("since", "S"),
    "next": ("next", "X"),
    "s_next": ("s_next", "sX"),
    "prev": ("prev", "Y"),
    "s_prev": ("s_prev", "sY"),
    "rise": ("rise",),
    "fall": ("fall",),
}
OPERATORS = {spelling: operator for operator, spellings in _SPELLINGS.items() for spelling in spellings}
"""Every spelling of an operator."""

_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)"
    r"|(?P<symbol><->|->|!==|==|<=|>=|[-+*/()\[\],:<>!&|])"
)


@dataclass(frozen=True)
class Token:
    """One word: ``kind`` is ``number``, ``name``, ``operator``, ``symbol`` or ``end``; ``place`` counts from 1."""

    kind: str
    text: str
    place: int


def error(text: str, place: int, cause: str, fix: str) -> ConfigError:
    """The error for a place in a formula."""
    return ConfigError(f"formula '{text}', character {place}: {cause}.", fix)


def tokens(text: str) -> list[Token]:
    """Split a formula into words, ending with one of kind ``end``.

    Raises:
        ConfigError: a character is not part of the language.
    """
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            fix = "use '!==' for inequality." if text[at] == "=" else "see the operators in docs/safety.md."
            raise error(text, at + 1, f"'{text[at]}' is not understood", fix)
        kind, word = str(match.lastgroup), match.group()
        if kind == "number" and text[match.end() : match.end() + 1] == "_":
            raise error(text, at + 1, f"'{word}_' is neither a number nor a name", "names begin with a letter.")
        if word in OPERATORS:
            found.append(Token("operator", OPERATORS[word], at + 1))
        elif kind != "space":
            found.append(Token("name" if kind == "word" else kind, word, at + 1))
        at = match.end()
    found.append(Token("end", "", len(text) + 1))
    return found
