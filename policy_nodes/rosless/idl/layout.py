"""Alignment bookkeeping shared by the writer and reader generators (XCDR1, little endian; OMG DDS-XTypes 7.4).

Every primitive is aligned to its own size, counted from the end of the 4-byte encapsulation header. Consecutive
primitives form a *run* that one `struct.Struct` with explicit padding handles. Where the offset before a run is known
modulo its largest alignment the padding is constant; elsewhere one of eight prepared structs is chosen at run time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from struct import Struct

from policy_nodes.rosless.idl.model import FieldType, specs

FORMAT = {
    "bool": "?", "byte": "c", "int8": "b", "uint8": "B", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I",
    "int64": "q", "uint64": "Q", "float32": "f", "float64": "d",
}  # fmt: skip
SIZE = {"?": 1, "c": 1, "b": 1, "B": 1, "h": 2, "H": 2, "i": 4, "I": 4, "q": 8, "Q": 8, "f": 4, "d": 8}


@cache
def padded_struct(run: str, offset: int) -> Struct:
    """Struct of the format characters ``run`` starting ``offset`` bytes into the body (only modulo 8 matters)."""
    text, position = "<", offset
    for char in run:
        gap = -position % SIZE[char]
        text += "x" * gap + char
        position += gap + SIZE[char]
    return Struct(text)


@cache
def struct_table(run: str) -> tuple[Struct, ...]:
    """`padded_struct` for every start modulo 8."""
    return tuple(padded_struct(run, offset) for offset in range(8))


@dataclass
class Position:
    """What is known about the current offset: it equals ``residue`` modulo ``modulus`` (a power of two up to 8)."""

    modulus: int = 8
    residue: int = 0

    def forget(self, alignment: int) -> None:
        """After content of unknown length that ends on ``alignment``."""
        self.modulus, self.residue = alignment, 0

    def pad(self, alignment: int) -> int | None:
        """Bytes of padding to ``alignment``, or None when that depends on run-time content."""
        return -self.residue % alignment if self.modulus >= alignment else None

    def advance(self, run: str) -> int | None:
        """Move over a run; returns the start offset to build its struct with, or None when it needs a table."""
        widest = max(SIZE[char] for char in run)
        start = self.residue if self.modulus >= widest else None
        if start is None:
            self.modulus = widest
        # past its widest member, the end of a run is the same modulo that width whatever the start was
        self.residue = ((start or 0) + padded_struct(run, start or 0).size) % self.modulus
        return start


@dataclass
class Source:
    """Python source under construction with the objects it refers to."""

    lines: list[str] = field(default_factory=list)
    names: dict[str, object] = field(default_factory=dict)
    counter: int = 0

    def fresh(self, prefix: str) -> str:
        """A name not used before."""
        self.counter += 1
        return f"{prefix}{self.counter}"

    def bind(self, prefix: str, value: object) -> str:
        """A fresh global name for ``value``."""
        name = self.fresh(prefix)
        self.names[name] = value
        return name

    def run_struct(self, run: str, position: Position, offset: str) -> str:
        """Expression for the struct of ``run`` at ``position``; ``offset`` is the run-time offset expression."""
        start = position.advance(run)
        if start is None:
            return f"{self.bind('T', struct_table(run))}[{offset} & 7]"
        return self.bind("S", padded_struct(run, start))

    def compile(self, function: str) -> object:
        """Execute the source and return one of the functions it defines."""
        exec("\n".join(self.lines), self.names)
        return self.names[function]


@cache
def smallest_size(ftype: FieldType) -> int:
    """Lower bound in bytes of one element on the wire; bounds what a claimed element count may allocate."""
    if ftype.base == "string":
        return 4
    if not ftype.nested:
        return SIZE[FORMAT[ftype.base]]
    total = 0
    for member in specs()[0][ftype.base].wire_fields:
        if member.type.kind == "array":
            total += member.type.size * smallest_size(FieldType(member.type.base))
        else:
            total += smallest_size(member.type) if member.type.kind == "single" else 4
    return total
