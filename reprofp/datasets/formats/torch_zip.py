"""Checkpoints of PyTorch (``torch.save`` since version 1.6): a ZIP file with a pickle and the storages of tensors.

In: an open ZIP file with its members. Out: the tensors by dotted names (``model.layer.0.weight``), where they lie, and
all other values beside them. Guaranteed: the pickle is only read, never executed; a tensor lies within its storage.

The format: https://github.com/pytorch/pytorch/blob/main/torch/serialization.py and caffe2/serialize/inline_container.h
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from reprofp._core.reading import StableFile
from reprofp.datasets.formats.archive import Member, check_sums, read_member
from reprofp.datasets.formats.contents import (
    MAX_DIMENSIONS,
    Contents,
    Hashed,
    Opaque,
    Stored,
    quote,
    refuse,
    store_view,
)
from reprofp.datasets.formats.naming import UnreadTensorError, name_values
from reprofp.datasets.formats.pickles import Call, Constructor, Global, Map, Rules, read_pickle
from reprofp.datasets.formats.trusted import check_call, check_global
from reprofp.errors import FormatError

__all__ = ["LEGACY_MAGIC", "TORCH_DTYPES", "find_pickle", "read_checkpoint"]

LEGACY_MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
"""How a checkpoint of the format before version 1.6 begins: the pickle of 0x1950a86a20f9469cfc6c."""

_MOST_PICKLE_BYTES = 256 * 1024 * 1024
_MOST_SMALL_BYTES = 64
_MOST_SIZE = 2**62

TORCH_DTYPES = {
    "float64": ("F64", 8, 8),
    "float32": ("F32", 4, 4),
    "float16": ("F16", 2, 2),
    "bfloat16": ("BF16", 2, 2),
    "complex128": ("C128", 16, 8),
    "complex64": ("C64", 8, 4),
    "complex32": ("C32", 4, 2),
    "int64": ("I64", 8, 8),
    "int32": ("I32", 4, 4),
    "int16": ("I16", 2, 2),
    "int8": ("I8", 1, 0),
    "uint64": ("U64", 8, 8),
    "uint32": ("U32", 4, 4),
    "uint16": ("U16", 2, 2),
    "uint8": ("U8", 1, 0),
    "bool": ("BOOL", 1, 0),
    "float8_e4m3fn": ("F8_E4M3", 1, 0),
    "float8_e5m2": ("F8_E5M2", 1, 0),
    "float8_e4m3fnuz": ("F8_E4M3FNUZ", 1, 0),
    "float8_e5m2fnuz": ("F8_E5M2FNUZ", 1, 0),
    "float8_e8m0fnu": ("F8_E8M0", 1, 0),
    "float4_e2m1fn_x2": ("F4", 1, 0),
}
"""Of torch's dtypes: the name here, the length of an element, the length of the units that byte order reverses."""

_STORAGES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "ComplexDoubleStorage": "complex128",
    "ComplexFloatStorage": "complex64",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    **dict.fromkeys(("UntypedStorage", "QInt8Storage", "QUInt8Storage", "QInt32Storage"), ""),
    **dict.fromkeys(("QUInt4x2Storage", "QUInt2x4Storage"), ""),
}
_PARAMETERS = {
    Global("torch", "Tensor"),
    Global("torch._tensor", "Tensor"),
    Global("torch.nn.parameter", "Parameter"),
    Global("torch.nn.parameter", "Buffer"),
}


@dataclass(frozen=True, slots=True)
class _Storage:
    """Elements under a key; ``dtype`` is torch's name, empty where only the tensor says it."""

    key: str
    dtype: str
    count: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A view of a storage; offset and strides count elements."""

    storage: _Storage
    dtype: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    state: Any = None
    """What Python code put beside the elements: attributes of a parameter."""


def find_pickle(members: Iterable[str]) -> str | None:
    """Return the name of the folder of a checkpoint within a ZIP file, or None where there is none."""
    roots = [name.removesuffix("/data.pkl") for name in members if name.endswith("/data.pkl")]
    return roots[0] if len(roots) == 1 and "/" not in roots[0] else None


def read_checkpoint(
    file: StableFile, members: Mapping[str, Member], root: str, where: str, threads: int
) -> Contents | Opaque:
    """Read a checkpoint whose members lie in a folder of the ZIP file.

    Raises:
        FormatError: it is not valid, or asks for calls that no checkpoint needs.
    """
    _check_case(members, where)
    if not any(member.crc for member in members.values()):  # torch.serialization.set_crc32_options(False) writes zeros
        members = {name: replace(member, crc=None) for name, member in members.items()}
    check_sums(file.fd, [member for member in members.values() if member.is_stored], where, threads)
    reader = _Checkpoint(file, members, root, where)
    data = read_member(file.fd, members[f"{root}/data.pkl"], where, _MOST_PICKLE_BYTES)
    rules = Rules(_CONSTRUCTORS, _Storages().read, check_global, check_call, _IMMUTABLE)
    value, operations = read_pickle(data, rules, where)
    try:
        tensors, metadata = name_values(value, (_Tensor, _Storage), operations, where)
    except FormatError as error:
        raise FormatError(str(error) if str(error).startswith(where) else f"{where}: {error}") from None
    except UnreadTensorError as error:
        return Opaque(f"{error}; save model.state_dict() to have a digest of the tensors")
    pieces = {name: reader.locate(name, tensor) for name, tensor in tensors.items()}
    return Contents("torch", dict(pieces), metadata)


def _check_case(members: Iterable[str], where: str) -> None:
    """Refuse names that torch would confuse: it looks members up without regard to case."""
    seen: dict[str, str] = {}
    for name in members:
        if (other := seen.setdefault(name.lower(), name)) != name:
            refuse(where, f"members {quote(other)} and {quote(name)} differ in case alone: torch would take either")


class _Checkpoint:
    """Finds the storages of a checkpoint in its file."""

    def __init__(self, file: StableFile, members: Mapping[str, Member], root: str, where: str) -> None:
        self._members = members
        self._root = root
        self._where = where
        self._is_big_endian = self._read_small(file, "byteorder", b"little") == b"big"

    def locate(self, name: str, tensor: object) -> Stored | Hashed:
        """Return where a tensor lies; an array of numpy was hashed in the pickle."""
        if isinstance(tensor, Hashed):
            return tensor
        if not isinstance(tensor, _Tensor):
            refuse(self._where, f"{quote(name)} is a storage without a tensor; save tensors")
        dtype, item_bytes, swap_bytes = TORCH_DTYPES[tensor.dtype]
        member = self._find_storage(tensor.storage)
        _check_extent(name, tensor, member.bytes // item_bytes, self._where)
        stored = store_view(
            dtype,
            tensor.shape,
            member.offset + tensor.offset * item_bytes,
            [stride * item_bytes for stride in tensor.strides],
            item_bytes,
            swap_bytes if self._is_big_endian else 0,
        )
        if dtype == "F4" and tensor.shape:  # torch counts the bytes, each of two elements
            return replace(stored, shape=(*tensor.shape[:-1], 2 * tensor.shape[-1]))
        return stored

    def _find_storage(self, storage: _Storage) -> Member:
        member = self._members.get(f"{self._root}/data/{storage.key}")
        if member is None:
            refuse(self._where, f"the storage {quote(storage.key)} is missing")
        if not member.is_stored:
            refuse(self._where, f"the storage {quote(storage.key)} is packed; torch stores it as it is")
        item_bytes = TORCH_DTYPES[storage.dtype][1] if storage.dtype else 1
        if member.bytes != storage.count * item_bytes:
            refuse(
                self._where,
                f"the storage {quote(storage.key)} has {member.bytes} bytes for {storage.count} elements",
            )
        return member

    def _read_small(self, file: StableFile, name: str, default: bytes) -> bytes:
        member = self._members.get(f"{self._root}/{name}")
        if member is None:
            return default
        if member.bytes > _MOST_SMALL_BYTES or not member.is_stored:
            refuse(self._where, f"the record {name} is not plausible")
        value = os.pread(file.fd, member.bytes, member.offset)
        if value not in {b"little", b"big"}:
            refuse(self._where, f"the byte order {value[:20]!r} is not known")
        return value


def _check_extent(name: str, tensor: _Tensor, count: int, where: str) -> None:
    """Refuse a tensor that reaches out of its storage."""
    if 0 in tensor.shape:
        return
    last = tensor.offset + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.strides, strict=True))
    if last >= count:
        refuse(where, f"tensor {quote(name)} reaches out of its storage of {count} elements")


# ---- What the pickle of a checkpoint may call ----


class _Storages:
    """The storages that a pickle refers to. For torch, the first reference to one decides about its type."""

    def __init__(self) -> None:
        self._known: dict[str, _Storage] = {}

    def read(self, persistent: Any) -> _Storage:
        storage = _read_storage(persistent)
        if self._known.setdefault(storage.key, storage) != storage:
            raise FormatError(f"the pickle refers to the storage {quote(storage.key)} as of two types or lengths")
        return storage


def _read_storage(persistent: Any) -> _Storage:
    """Make the storage of a persistent id: ("storage", class, key, location, number of elements)."""
    if not isinstance(persistent, tuple) or len(persistent) != 5 or persistent[0] != "storage":  # noqa: PLR2004  as above
        raise FormatError("the pickle refers to something outside of it that is no storage")
    _, kind, key, _, count = persistent
    if not isinstance(kind, Global) or kind.name not in _STORAGES or kind.module not in {"torch", "torch.storage"}:
        raise FormatError(f"the pickle refers to a storage of the unknown kind {str(kind)[:80]}")
    if not isinstance(key, str) or not _is_size(count):
        raise FormatError("the pickle refers to a storage without a key and a length")
    return _Storage(key, _STORAGES[kind.name], count)


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MOST_SIZE


def _make_tensor(storage: Any, offset: Any, shape: Any, strides: Any, dtype: str) -> _Tensor:
    sizes = (offset, *shape, *strides) if isinstance(shape, tuple) and isinstance(strides, tuple) else (None,)
    if not isinstance(storage, _Storage) or not all(map(_is_size, sizes)):
        raise FormatError("the pickle has a tensor without a storage, or with sizes that are none")
    if len(shape) != len(strides) or len(shape) > MAX_DIMENSIONS or prod(shape) > _MOST_SIZE:
        raise FormatError(f"the pickle has a tensor of shape {str(shape)[:80]} and strides {str(strides)[:80]}")
    return _Tensor(storage, dtype, offset, shape, strides)


def _rebuild(storage: Any, offset: Any, shape: Any, strides: Any, *rest: Any) -> Any:
    if not isinstance(storage, _Storage) or not storage.dtype:
        raise FormatError("the pickle has a tensor whose storage has no type")
    if len(rest) > 2 and rest[2]:  # noqa: PLR2004  requires_grad, hooks, marks such as "conj" that change values
        return Call(Global("torch._utils", "_rebuild_tensor_v2"), (storage,))
    return _make_tensor(storage, offset, shape, strides, storage.dtype)


def _rebuild_typed(
    storage: Any, offset: Any, shape: Any, strides: Any, _grad: Any, _hooks: Any, dtype: Any, marks: Any = None
) -> Any:
    if not isinstance(dtype, Global) or dtype.module != "torch" or dtype.name not in TORCH_DTYPES or marks:
        return Call(Global("torch._utils", "_rebuild_tensor_v3"), (storage, dtype))
    return _make_tensor(storage, offset, shape, strides, dtype.name)


def _rebuild_parameter(tensor: Any, _grad: Any = None, _hooks: Any = None, state: Any = None) -> Any:
    return _with_state(tensor, state)


def _with_state(tensor: Any, state: Any) -> Any:
    return replace(tensor, state=state) if isinstance(tensor, _Tensor) and state else tensor


def _rebuild_from_type(function: Any, kind: Any, arguments: Any, state: Any) -> Any:
    constructor = _CONSTRUCTORS.get(function) if isinstance(function, Global) else None
    if constructor is None or kind not in _PARAMETERS or not isinstance(arguments, tuple):
        return Call(Global("torch._tensor", "_rebuild_from_type_v2"), (function, kind, arguments, state))
    return _with_state(constructor(*arguments), state)


def _make_map(items: Any = ()) -> Map:
    made = Map()
    for item in items.items() if isinstance(items, Map) else items:
        key, value = item
        made[key] = value
    return made


def _make_default_map(_factory: Any = None, items: Any = ()) -> Map:
    return _make_map(items)


def _make_sequence(items: Any = ()) -> Any:
    if not isinstance(items, (tuple, list)):
        raise FormatError("the pickle makes a sequence of what is none")
    return items


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    """Protocol 2 writes bytes as text in Latin 1."""
    if not isinstance(text, str) or encoding not in {"latin1", "latin-1"}:
        raise FormatError("the pickle encodes text other than bytes as Latin 1")
    return text.encode("latin1")


_CONSTRUCTORS: dict[Global, Constructor] = {
    Global("torch._utils", "_rebuild_tensor"): _rebuild,
    Global("torch._utils", "_rebuild_tensor_v2"): _rebuild,
    Global("torch._utils", "_rebuild_tensor_v3"): _rebuild_typed,
    Global("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    Global("torch._utils", "_rebuild_parameter_with_state"): _rebuild_parameter,
    Global("torch._tensor", "_rebuild_from_type_v2"): _rebuild_from_type,
    Global("torch", "Size"): _make_sequence,
    Global("collections", "OrderedDict"): _make_map,
    Global("collections", "defaultdict"): _make_default_map,
    Global("collections", "Counter"): _make_map,
    Global("_codecs", "encode"): _encode,
    **{Global(module, name): _make_sequence for module in ("builtins", "__builtin__") for name in ("set", "frozenset")},
}
_IMMUTABLE = frozenset({Global("torch", "Size"), Global("builtins", "frozenset"), Global("__builtin__", "frozenset")})
