"""Generates, per message type, one Python function that appends the CDR body of a message to a bytearray."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from policy_nodes.rosless.idl.layout import FORMAT, SIZE, Position, Source
from policy_nodes.rosless.idl.model import FieldType, specs

Writer = Callable[[Any, bytearray], None]

PADDING = tuple(bytes(n) for n in range(8))
_CACHE_ENTRIES, _CACHE_BYTES = 256, 4096


def string_list_writer() -> Callable[[Any, bytearray], None]:
    """Function that appends strings at a 4-aligned offset; remembers encodings, since joint names never change."""
    cache_: dict[tuple[str, ...], bytes] = {}

    def write(strings: Any, out: bytearray) -> None:
        key = tuple(strings)
        done = cache_.get(key)
        if done is None:
            body = bytearray()
            for text in key:
                raw = text.encode()
                body += PADDING[-len(body) & 3] + (len(raw) + 1).to_bytes(4, "little") + raw + b"\0"
            done = bytes(body)
            if len(done) <= _CACHE_BYTES:
                if len(cache_) >= _CACHE_ENTRIES:
                    cache_.clear()
                cache_[key] = done
        out += done

    return write


class _Generator:
    def __init__(self, position: Position) -> None:
        self.source = Source(["def write(m, b):"], {"P": PADDING})
        self.position = position
        self.run = ""
        self.values: list[str] = []

    def emit(self, line: str) -> None:
        self.source.lines.append("    " + line)

    def primitive(self, char: str, value: str) -> None:
        self.run += char
        self.values.append(value)

    def flush(self) -> None:
        if self.run:
            chosen = self.source.run_struct(self.run, self.position, "len(b)")
            self.emit(f"b += {chosen}.pack({', '.join(self.values)})")
            self.run, self.values = "", []

    def align(self, alignment: int) -> None:
        """Pad to ``alignment``; leaves the position known to that modulus."""
        pad = self.position.pad(alignment)
        if pad is None:
            self.emit(f"b += P[-len(b) & {alignment - 1}]")
            self.position.forget(alignment)
        elif pad:
            self.emit(f"b += P[{pad}]")
            self.position.residue = (self.position.residue + pad) % self.position.modulus

    def message(self, name: str, path: str) -> None:
        messages, _ = specs()
        spec = messages[name]
        if not spec.fields:
            self.primitive("B", "0")
        for field in spec.fields:
            self.value(field.type, f"{path}._{field.name}")

    def value(self, ftype: FieldType, path: str) -> None:
        if ftype.kind == "array":
            self.fixed(ftype, path)
        elif ftype.kind != "single":
            self.sequence(ftype, path)
        elif ftype.nested:
            self.message(ftype.base, path)
        elif ftype.base == "string":
            raw = self.source.fresh("e")
            self.emit(f"{raw} = {path}.encode()")
            self.primitive("I", f"len({raw}) + 1")
            self.flush()
            self.emit(f"b += {raw}; b.append(0)")
            self.position.forget(1)
        else:
            self.primitive(FORMAT[ftype.base], path)

    def fixed(self, ftype: FieldType, path: str) -> None:
        if ftype.nested or ftype.base == "string":
            for index in range(ftype.size):
                self.value(FieldType(ftype.base, string_bound=ftype.string_bound), f"{path}[{index}]")
            return
        self.flush()
        size = SIZE[FORMAT[ftype.base]]
        self.align(size)
        self.emit(f"b += {self.bulk(ftype, path)}")
        self.position.residue = (self.position.residue + size * ftype.size) % self.position.modulus

    def bulk(self, ftype: FieldType, path: str) -> str:
        if ftype.base == "bool":
            return f"bytes({path})"
        if ftype.base == "byte":
            return f"b''.join({path})"
        return f"{path}.tobytes()"

    def sequence(self, ftype: FieldType, path: str) -> None:
        items = self.source.fresh("q")
        self.emit(f"{items} = {path}")
        self.primitive("I", f"len({items})")
        self.flush()
        if ftype.base == "string":
            self.emit(f"{self.source.bind('W', string_list_writer())}({items}, b)")
            self.position.forget(1)
        elif ftype.nested:
            write = self.source.bind("W", element_writer(ftype.base))
            self.emit(f"for x in {items}: {write}(x, b)")
            self.position.forget(1)
        else:
            size = SIZE[FORMAT[ftype.base]]
            pad = f"b += P[-len(b) & {size - 1}]; " if size > 4 else ""
            self.emit(f"if {items}: {pad}b += {self.bulk(ftype, items)}")
            # an empty sequence of doubles has no padding, so only 4-alignment is certain afterwards
            self.position.forget(min(size, 4))


def _generate(name: str, position: Position) -> Writer:
    generator = _Generator(position)
    generator.message(name, "m")
    generator.flush()
    return generator.source.compile("write")  # type: ignore[return-value]


@cache
def root_writer(name: str) -> Writer:
    """Writer for a message that starts at offset 0 of the body."""
    return _generate(name, Position(8, 0))


@cache
def element_writer(name: str) -> Writer:
    """Writer for a message inside a sequence, at any offset."""
    return _generate(name, Position(1, 0))
