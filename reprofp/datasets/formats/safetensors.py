"""The header of a safetensors file, read with distrust.

In: an open file. Out: where each tensor lies, with dtype and shape. Guaranteed: what is accepted describes every byte
behind the header exactly once; a header that is too large, not strict JSON, names a tensor twice, or leaves holes,
overlaps or reaches out of the file is a FormatError. Nothing is allocated that the file did not contain.

The format: https://github.com/safetensors/safetensors#format
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from math import prod
from typing import NoReturn, cast

from reprofp._core.reading import StableFile
from reprofp.datasets.formats.contents import MAX_DIMENSIONS, Contents, NamedValue, Stored, refuse
from reprofp.errors import FormatError

__all__ = ["DTYPE_BITS", "MAX_HEADER_BYTES", "looks_like", "parse_header", "read_json", "read_safetensors"]

MAX_HEADER_BYTES = 100_000_000
"""The largest header that the format allows."""

DTYPE_BITS = {
    "BOOL": 8,
    "U8": 8,
    "I8": 8,
    "F8_E5M2": 8,
    "F8_E4M3": 8,
    "F8_E8M0": 8,
    "F8_E5M2FNUZ": 8,
    "F8_E4M3FNUZ": 8,
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "F64": 64,
    "I64": 64,
    "U64": 64,
    "C64": 64,
}
"""The element types of the format, each with its width."""

_LENGTH_BYTES = 8
_MAX_COUNT = 2**63 - 1
_TENSOR_KEYS = {"dtype", "shape", "data_offsets"}


def looks_like(head: bytes, file_bytes: int) -> bool:
    """Whether a file begins as one of this format does: a plausible length, and a brace behind it."""
    header_bytes = int.from_bytes(head[:_LENGTH_BYTES], "little")
    return head[_LENGTH_BYTES : _LENGTH_BYTES + 1] == b"{" and _LENGTH_BYTES + header_bytes <= file_bytes


def read_safetensors(file: StableFile, where: str) -> Contents:
    """Read the header of an open file.

    Raises:
        FormatError: it is no valid safetensors file.
    """
    if file.bytes < _LENGTH_BYTES:
        refuse(where, f"{file.bytes} bytes are too few for a safetensors file")
    header_bytes = int.from_bytes(os.pread(file.fd, _LENGTH_BYTES, 0), "little")
    if header_bytes > MAX_HEADER_BYTES:
        refuse(where, f"a header of {header_bytes} bytes is not allowed (at most {MAX_HEADER_BYTES})")
    data_begin = _LENGTH_BYTES + header_bytes
    if data_begin > file.bytes:
        refuse(where, f"the header needs {data_begin} bytes, the file has {file.bytes}: truncated?")
    return parse_header(os.pread(file.fd, header_bytes, _LENGTH_BYTES), file.bytes - data_begin, data_begin, where)


def parse_header(header: bytes, data_bytes: int, data_begin: int, where: str) -> Contents:
    """Read a header that ``data_bytes`` bytes follow.

    Raises:
        FormatError: it is not valid, or does not describe exactly these bytes.
    """
    if not header.startswith(b"{"):
        refuse(where, "the header does not begin with '{'")
    document = read_json(header, where)
    metadata = _read_metadata(document.pop("__metadata__", {}), where)
    spans = {name: _read_span(name, info, data_begin, where) for name, info in document.items()}
    _check_cover(spans, data_begin, data_bytes, where)
    return Contents("safetensors", dict(spans), metadata)


def read_json(text: bytes, where: str) -> dict[str, object]:
    """Read a JSON object strictly.

    Raises:
        FormatError: it is not UTF-8, not JSON, no object, has a key twice, a number that JSON does not know, or a
            name that is no valid text.
    """
    try:
        document = json.loads(text.decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant)
        if not isinstance(document, dict):
            refuse(where, "the JSON text is no object")
        for key in document:
            key.encode()
    except FormatError as error:
        raise FormatError(f"{where}: {error}") from None
    except (ValueError, RecursionError) as error:  # UnicodeError is a ValueError
        raise FormatError(f"{where}: not valid JSON ({type(error).__name__}: {str(error)[:200]})") from error
    return cast("dict[str, object]", document)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise FormatError(f"the name {twice[:200]!r} occurs twice")
    return document


def _refuse_constant(text: str) -> NoReturn:
    raise FormatError(f"{text} is no JSON value")


def _read_metadata(metadata: object, where: str) -> dict[str, NamedValue]:
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        refuse(where, "__metadata__ is not a map of texts")
    return {
        key.encode("utf-8", "replace").decode(): NamedValue.of("str", value.encode("utf-8", "surrogatepass"))
        for key, value in metadata.items()
    }


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MAX_COUNT


def _read_span(name: str, info: object, data_begin: int, where: str) -> Stored:
    if not isinstance(info, Mapping) or set(info) != _TENSOR_KEYS:
        refuse(where, f"tensor {name[:200]!r} does not have exactly dtype, shape and data_offsets")
    dtype, shape, offsets = info["dtype"], info["shape"], info["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPE_BITS:
        refuse(where, f"tensor {name[:200]!r} has the unknown dtype {str(dtype)[:40]!r}")
    if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS or not all(map(_is_count, shape)):
        refuse(where, f"the shape of tensor {name[:200]!r} is not a list of sizes")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(_is_count, offsets)):  # noqa: PLR2004  begin, end
        refuse(where, f"the data_offsets of tensor {name[:200]!r} are not two offsets")
    begin, end = offsets
    if end < begin or prod(shape) * DTYPE_BITS[dtype] != 8 * (end - begin):
        refuse(where, f"tensor {name[:200]!r}: {end - begin} bytes do not hold {dtype} of shape {str(shape)[:80]}")
    return Stored(dtype, tuple(shape), data_begin + begin, end - begin)


def _check_cover(spans: Mapping[str, Stored], data_begin: int, data_bytes: int, where: str) -> None:
    end = data_begin
    for name, span in sorted(spans.items(), key=lambda item: (item[1].offset, item[1].bytes)):
        if span.offset != end:
            fault = "overlaps the one before" if span.offset < end else "leaves a hole before it"
            refuse(where, f"tensor {name[:200]!r} {fault} (offset {span.offset - data_begin})")
        end += span.bytes
    if end != data_begin + data_bytes:
        refuse(where, f"tensors take {end - data_begin} bytes, the file has {data_bytes} for them: truncated?")
