"""Dotted names for what nested containers hold.

In: maps and sequences, nested, with tensors and other values in them. Out: the tensors by name, and the other values by
name. The parts of a name are keys and positions, joined by dots.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

from reprofp.datasets.formats.contents import NamedValue, quote, refuse
from reprofp.datasets.formats.numpy_pickles import read_pickled_array
from reprofp.datasets.formats.pickles import Call, Global
from reprofp.datasets.formats.trusted import iterate_nodes
from reprofp.errors import FormatError

__all__ = ["MAX_NAME_BYTES", "UnreadTensorError", "name_values"]

MAX_NAME_BYTES = 4096
"""The longest name."""

_MAX_DEPTH = 64
_FEWEST_VISITS = 100_000
_VISITS_PER_OPERATION = 4


class UnreadTensorError(Exception):
    """A tensor lies in an object whose meaning only its package knows."""


def name_values(
    value: Any, tensor_types: tuple[type, ...], operations: int, where: str
) -> tuple[dict[str, Any], dict[str, NamedValue]]:
    """Return the tensors and the other values of a pickle that took so many operations.

    Raises:
        FormatError: two have one name, or there are far more than the pickle could hold honestly.
        UnreadTensorError: a tensor is held by an object of some package.
    """
    naming = _Naming(tensor_types, _FEWEST_VISITS + _VISITS_PER_OPERATION * operations, where)
    naming.visit((), value)
    return naming.tensors, naming.others


class _Naming:
    def __init__(self, tensor_types: tuple[type, ...], most: int, where: str) -> None:
        self._tensor_types = tensor_types
        self._left = most
        self._where = where
        self.tensors: dict[str, Any] = {}
        self.others: dict[str, NamedValue] = {}

    def visit(self, parts: tuple[str, ...], value: Any) -> None:
        """Take a value, and what is in it."""
        self._left -= 1
        if self._left < 0 or len(parts) > _MAX_DEPTH:
            refuse(self._where, "the pickle nests values more often or deeper than is plausible")
        if isinstance(value, self._tensor_types):
            self._put(self.tensors, parts, value)
            if state := getattr(value, "state", None):
                self.visit((*parts, "(state)"), state)
        elif isinstance(value, Call):
            self._visit_call(parts, value)
        elif isinstance(value, (dict, list, tuple)):
            for key, item in _items_of(value):
                self.visit((*parts, key), item)
        else:
            self._put(self.others, parts, _describe(value, self._where))

    def _visit_call(self, parts: tuple[str, ...], call: Call) -> None:
        array = read_pickled_array(call)
        if array is not None:
            self._put(self.tensors, parts, array)
            return
        if any(isinstance(node, self._tensor_types) for node in iterate_nodes(call)):
            name = ".".join(parts)
            raise UnreadTensorError(f"tensors are held by an object of {str(call.function)[:120]} ({quote(name)})")
        self._put(self.others, parts, NamedValue.of("object", _encode(call.function)))
        for key, item in (("arguments", call.arguments), ("state", call.state), ("items", call.items)):
            if item:
                self.visit((*parts, key), item)

    def _put(self, into: dict[str, Any], parts: tuple[str, ...], value: Any) -> None:
        name = ".".join(parts)
        if name in self.tensors or name in self.others:
            refuse(self._where, f"two values have the name {quote(name)}")
        try:
            length = len(name.encode())
        except UnicodeEncodeError:
            refuse(self._where, f"the name {quote(name)} is no valid text")
        if length > MAX_NAME_BYTES:
            refuse(self._where, f"a name of {length} bytes is not plausible")
        into[name] = value


def _items_of(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield _key_text(key), item
        attributes = getattr(value, "attributes", None)
        if attributes:
            yield "(attributes)", attributes
    else:
        for position, item in enumerate(value):
            yield str(position), item


def _key_text(key: Any) -> str:
    if isinstance(key, str):
        return key
    try:
        return str(key)[:MAX_NAME_BYTES]
    except ValueError:  # Python writes no integer of thousands of digits
        raise FormatError("the pickle has a key that is an integer of thousands of digits") from None


def _describe(value: Any, where: str) -> NamedValue:
    for kind, types, write in _KINDS:
        if isinstance(value, types):
            return NamedValue.of(kind, write(value))
    return refuse(where, f"a value of type {type(value).__name__} is not known")


def _encode(value: object) -> bytes:
    return str(value).encode("utf-8", "surrogatepass")


_KINDS: tuple[tuple[str, type | tuple[type, ...], Callable[[Any], bytes]], ...] = (
    ("none", type(None), lambda _: b""),
    ("bool", bool, lambda value: b"true" if value else b"false"),
    ("int", int, lambda value: b"%x" % value),
    ("float", float, lambda value: struct.pack("<d", value)),
    ("str", str, _encode),
    ("bytes", (bytes, bytearray), bytes),
    ("name", Global, _encode),
)
