"""Random formulas as text that Keel and rtamt both read, and random traces."""

from __future__ import annotations

import random

SIGNALS = ("a", "b")


def number(rng: random.Random) -> str:
    pick = rng.randrange(6)
    if pick == 0:
        return "abs(a)"
    if pick == 1:
        return "(a - b)"
    if pick == 2:
        return f"{rng.uniform(0.2, 2):.3f} * b"
    if pick == 3:
        return "(a + b)"
    return rng.choice(SIGNALS)


def predicate(rng: random.Random) -> str:
    return f"({number(rng)} {rng.choice(['<', '<=', '>', '>='])} {rng.uniform(-1, 1):.3f})"


def window(rng: random.Random, largest: int) -> str:
    begin = rng.randrange(largest)
    return f"[{begin}:{begin + rng.randrange(largest)}]"


def formula(rng: random.Random, depth: int, future: bool, largest: int = 6) -> str:
    """A formula of past operators, or with ``future`` of both kinds; every operator is enclosed in parentheses."""
    if depth == 0:
        return predicate(rng)

    def inner() -> str:
        return formula(rng, depth - 1, future, largest)

    unary, binary = ["historically", "once"], ["since"]
    neighbours = ["prev", "s_prev", "rise", "fall"]
    if future:
        unary, binary = [*unary, "always", "eventually"], ["since", "until"]
        neighbours = [*neighbours, "next", "s_next"]
    pick = rng.randrange(6)
    bound = rng.choice(["", window(rng, largest), window(rng, largest)])
    if pick <= 1:
        return f"({rng.choice(unary)}{bound} {inner()})"
    if pick == 2:
        return f"({inner()} {rng.choice(binary)}{bound} {inner()})"
    if pick == 3:
        return f"({rng.choice(neighbours)}({inner()}))"
    if pick == 4:
        return f"(not {inner()})"
    joined = rng.choice(["and", "or", "implies", "->", "&", "|"])
    return f"({inner()} {joined} {inner()})"


def trace(rng: random.Random, length: int) -> dict[str, list[float]]:
    # Rounded, so that ties between samples occur.
    return {name: [round(rng.uniform(-1, 1), 1) for _ in range(length)] for name in SIGNALS}
