"""Generates, per message type, one Python function that builds a message from CDR bytes, checking every bound.

Readers take ``(d, o, end)``: the data including the 4-byte encapsulation header, an absolute offset and the length.
They return the message and the next offset, and raise ValueError or `struct.error` on data that is too short. Memory is
only ever allocated for content that is present.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from functools import cache
from struct import Struct
from typing import Any

import numpy as np

from policy_nodes.rosless.idl.checks import TYPECODE
from policy_nodes.rosless.idl.classes import message_class
from policy_nodes.rosless.idl.layout import FORMAT, SIZE, Position, Source, smallest_size
from policy_nodes.rosless.idl.model import FieldType, specs

Reader = Callable[[bytes, int, int], tuple[Any, int]]

_LENGTH = Struct("<I")
_CACHE_BYTES = 4096


def short(what: str) -> None:
    """Refuse data that ends before its own lengths say.

    Raises:
        ValueError: always.
    """
    raise ValueError(f"CDR data ends inside {what}: truncated message or a length field that cannot be true")


def string_list_reader() -> Callable[[bytes, int, int, int], tuple[list[str], int]]:
    """Function ``(d, o, end, count)`` that reads strings at a 4-aligned offset; remembers the last list it read."""
    last: tuple[bytes, int, list[str]] = (b"", 0, [])

    def read(d: bytes, o: int, end: int, count: int) -> tuple[list[str], int]:
        nonlocal last
        raw, known, strings = last
        if count == known and d.startswith(raw, o):
            return strings.copy(), o + len(raw)
        if count * 4 > end - o:
            short("a list of strings")
        start, strings = o, []
        for _ in range(count):
            o = (o + 3) & -4
            (length,) = _LENGTH.unpack_from(d, o)
            o += 4 + length
            if o > end:
                short("a string")
            strings.append(d[o - length : o - 1].decode() if length else "")
        if o - start <= _CACHE_BYTES:
            last = (d[start:o], count, strings.copy())
        return strings, o

    return read


def _numbers(code: str, raw: bytes) -> array:
    values = array(code)
    values.frombytes(raw)
    return values


class _Generator:
    def __init__(self, position: Position) -> None:
        self.source = Source(
            ["def read(d, o, end):"], {"short": short, "numbers": _numbers, "frombuffer": np.frombuffer}
        )
        self.position = position
        self.run = ""
        self.targets: list[str] = []
        self.tail: list[str] = []  # objects are built at the end, when every value has been read

    def emit(self, line: str) -> None:
        self.source.lines.append("    " + line)

    def primitive(self, char: str) -> str:
        self.run += char
        self.targets.append(self.source.fresh("v"))
        return self.targets[-1]

    def flush(self) -> None:
        if self.run:
            chosen = self.source.run_struct(self.run, self.position, "(o + 4)")
            self.emit(f"s = {chosen}; {', '.join(self.targets)}, = s.unpack_from(d, o); o += s.size")
            self.run, self.targets = "", []

    def message(self, name: str) -> str:
        spec = specs()[0][name]
        if not spec.fields:
            self.primitive("B")
        values = {field.name: self.value(field.type) for field in spec.fields}
        cls = self.source.bind("C", message_class(name))
        made = self.source.fresh("m")
        assigns = "".join(f"; {made}._{key} = {value}" for key, value in values.items())
        self.tail.append(f"{made} = {cls}.__new__({cls}){assigns}")
        return made

    def value(self, ftype: FieldType) -> str:
        if ftype.kind == "array":
            return self.fixed(ftype)
        if ftype.kind != "single":
            return self.sequence(ftype)
        if ftype.nested:
            return self.message(ftype.base)
        if ftype.base != "string":
            return self.primitive(FORMAT[ftype.base])
        length, text = self.primitive("I"), self.source.fresh("t")
        self.flush()
        self.emit(f"o += {length}")
        self.emit("if o > end: short('a string')")
        self.emit(f"{text} = d[o - {length}:o - 1].decode() if {length} else ''")
        self.position.forget(1)
        return text

    def fixed(self, ftype: FieldType) -> str:
        made = self.source.fresh("a")
        if ftype.nested or ftype.base == "string":
            single = FieldType(ftype.base, string_bound=ftype.string_bound)
            self.tail.append(f"{made} = [{', '.join([self.value(single) for _ in range(ftype.size)])}]")
            return made
        self.flush()
        size = SIZE[FORMAT[ftype.base]]
        pad = self.position.pad(size)
        if pad is None:
            self.emit(self.aligned(size))
            self.position.forget(size)
        elif pad:
            self.emit(f"o += {pad}")
            self.position.residue = (self.position.residue + pad) % self.position.modulus
        self.emit(f"e = o + {size * ftype.size}")
        self.bulk(ftype, made)
        self.position.residue = (self.position.residue + size * ftype.size) % self.position.modulus
        return made

    def aligned(self, size: int) -> str:
        """Statement that pads ``o``; the body starts at byte 4, so 8-aligned content is 4 off in absolute offsets."""
        return "o = ((o + 3) & -8) + 4" if size == 8 else f"o = (o + {size - 1}) & -{size}"

    def bulk(self, ftype: FieldType, made: str) -> None:
        """Read ``d[o:e]`` into ``made`` and move to ``e``."""
        self.emit(f"if e > end: short('a {ftype.base} array')")
        if ftype.base == "bool":
            expression = "[x != 0 for x in d[o:e]]"
        elif ftype.base == "byte":
            expression = "[d[i:i + 1] for i in range(o, e)]"
        elif ftype.kind == "array":
            expression = f"frombuffer(d[o:e], '<{np.dtype(ftype.base).str[1:]}').copy()"
        else:
            expression = f"numbers({TYPECODE[ftype.base]!r}, d[o:e])"
        self.emit(f"{made} = {expression}; o = e")

    def sequence(self, ftype: FieldType) -> str:
        count, made = self.primitive("I"), self.source.fresh("a")
        self.flush()
        if ftype.kind == "bounded":
            self.emit(f"if {count} > {ftype.size}: short('a sequence bounded to {ftype.size} elements')")
        if ftype.base == "string":
            self.emit(f"{made}, o = {self.source.bind('R', string_list_reader())}(d, o, end, {count})")
            self.position.forget(1)
        elif ftype.nested:
            read = self.source.bind("R", element_reader(ftype.base))
            self.emit(f"if {count} * {smallest_size(FieldType(ftype.base))} > end - o: short('a sequence')")
            self.emit(f"{made} = []")
            self.emit(f"for _ in range({count}): x, o = {read}(d, o, end); {made}.append(x)")
            self.position.forget(1)
        else:
            size = SIZE[FORMAT[ftype.base]]
            if size > 4:
                self.emit(f"if {count}: {self.aligned(size)}")
            self.emit(f"e = o + {count} * {size}")
            self.bulk(ftype, made)
            self.position.forget(min(size, 4))
        return made


def _generate(name: str, position: Position) -> Reader:
    generator = _Generator(position)
    made = generator.message(name)
    generator.flush()
    for line in generator.tail:
        generator.emit(line)
    generator.emit(f"return {made}, o")
    return generator.source.compile("read")  # type: ignore[return-value]


@cache
def root_reader(name: str) -> Reader:
    """Reader for a message right behind the encapsulation header."""
    return _generate(name, Position(8, 0))


@cache
def element_reader(name: str) -> Reader:
    """Reader for a message inside a sequence, at any offset."""
    return _generate(name, Position(1, 0))
