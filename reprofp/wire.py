"""The wire format between the daemon and its clients (format ``wire/1``): frames, requests and replies.

In: values, or bytes from a socket. Out: frames, or what they say. Guaranteed: a frame has one encoding; bytes of a
stranger cost no more than their limits allow (bytes, items, depth), whatever they hold; nothing but FormatError is
raised for them. A frame is a big-endian u32 length and so many canonical bytes; docs/formats/wire.md spells it out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reprofp.errors import FormatError
from reprofp.model.canonical import decode, encode
from reprofp.model.observations import Value

__all__ = [
    "CODES",
    "HEADER_BYTES",
    "MAX_REPLY_BYTES",
    "MAX_REQUEST_BYTES",
    "MAX_REQUEST_DEPTH",
    "MAX_REQUEST_ITEMS",
    "VERSION",
    "Frames",
    "Reply",
    "Request",
    "check_shape",
    "pack_error",
    "pack_reply",
    "pack_request",
    "read_reply",
    "read_request",
]

VERSION = 1
HEADER_BYTES = 4
MAX_REQUEST_BYTES = 32 << 20
"""The longest request, without its length."""
MAX_REPLY_BYTES = 256 << 20
"""The longest reply: a record as large as a record file may be."""
MAX_REQUEST_ITEMS, MAX_REQUEST_DEPTH = 4096, 8
_REPLY_ITEMS, _REPLY_DEPTH = 1 << 20, 32

CODES = {
    "frame": "the bytes are no frame, or no request",
    "version": "the request is of a version that the daemon does not speak",
    "method": "there is no such method",
    "usage": "the parameters are not those of the method, or contradict each other",
    "denied": "the user who asks may not",
    "not-found": "a name matches no record",
    "ambiguous": "a name matches several records",
    "format": "a record is damaged, or has no place in a ledger",
    "ledger": "the ledger cannot be read or written",
    "busy": "the daemon has as much to do as it may; ask again later",
    "stopping": "the daemon is about to end; ask again",
    "internal": "a defect of the daemon",
}
"""The codes of errors, and what they mean."""

_FIXED, _SIZED, _HELD, _REFUSED = range(4)


def _lay_out_types() -> list[tuple[int, int]]:
    """Return for each first byte of msgpack how its item is passed over: the kind, and a number that belongs to it."""
    table = [(_FIXED, 0)] * 256
    for code in range(0x80, 0x90):
        table[code] = (_HELD, -2 * (code & 15))  # a map in one byte
    for code in range(0x90, 0xA0):
        table[code] = (_HELD, -(code & 15))  # a list in one byte
    for code in range(0xA0, 0xC0):
        table[code] = (_FIXED, code & 31)
    for code in (0xC1, 0xC7, 0xC8, 0xC9, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8):
        table[code] = (_REFUSED, 0)
    table[0xC4:0xC7] = table[0xD9:0xDC] = [(_SIZED, 1), (_SIZED, 2), (_SIZED, 4)]
    table[0xCA:0xCC] = [(_FIXED, 4), (_FIXED, 8)]
    table[0xCC:0xD0] = table[0xD0:0xD4] = [(_FIXED, 1), (_FIXED, 2), (_FIXED, 4), (_FIXED, 8)]
    table[0xDC:0xDE] = table[0xDE:0xE0] = [(_HELD, 2), (_HELD, 4)]
    return table


_TYPES = _lay_out_types()
_MAPS = (0xDE, 0xDF)


def check_shape(data: bytes, max_items: int, max_depth: int) -> None:
    """Refuse msgpack of too many items or too deep before anything is built of it.

    Raises:
        FormatError: there are more items, they nest deeper, end too early or too late, or are of a foreign type.
    """
    at, count, open_items = 0, 0, [1]
    while open_items:
        if not open_items[-1]:
            open_items.pop()
            continue
        open_items[-1] -= 1
        count += 1
        if count > max_items:
            raise FormatError(f"it holds more than {max_items} items")
        at, held = _pass_over(data, at)
        if held >= 0:
            open_items.append(held)
            if len(open_items) - 1 > max_depth:
                raise FormatError(f"values nest deeper than {max_depth} levels")
    if at != len(data):
        raise FormatError(f"{len(data) - at} bytes follow its value" if at < len(data) else "it ends within a value")


def _pass_over(data: bytes, at: int) -> tuple[int, int]:
    """Return where the item at ``at`` ends, or the first one that it holds begins, and how many it holds (else -1)."""
    if at >= len(data):
        raise FormatError("it ends within a value")
    code = data[at]
    kind, number = _TYPES[code]
    at += 1
    if kind == _FIXED:
        return at + number, -1
    if kind == _SIZED:
        return at + number + int.from_bytes(data[at : at + number], "big"), -1
    if kind == _REFUSED:
        raise FormatError(f"the msgpack type {code:#04x} is not part of the format")
    if number <= 0:
        return at, -number
    held = int.from_bytes(data[at : at + number], "big")
    return at + number, 2 * held if code in _MAPS else held


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks for."""

    method: str
    params: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """What it is told: a result, or the code and the text of an error."""

    result: Value = None
    code: str = ""
    text: str = ""


def _frame(payload: bytes, limit: int) -> bytes:
    if len(payload) > limit:
        raise FormatError(f"a message of {len(payload)} bytes is longer than the {limit} that a frame may have")
    return len(payload).to_bytes(HEADER_BYTES, "big") + payload


def pack_request(request: Request) -> bytes:
    """Return the frame of a request.

    Raises:
        FormatError: it has no canonical form, or is too long.
    """
    body: dict[str, Value] = {"method": request.method, "params": dict(request.params), "version": VERSION}
    return _frame(encode(body), MAX_REQUEST_BYTES)


def pack_reply(result: Value) -> bytes:
    """Return the frame of a result.

    Raises:
        FormatError: it has no canonical form, or is too long.
    """
    return _frame(encode({"result": result, "version": VERSION}), MAX_REPLY_BYTES)


def pack_error(code: str, text: str) -> bytes:
    """Return the frame of an error; what of the text is not Unicode is escaped, and what is too long is cut."""
    safe = text[:8000].encode("utf-8", "backslashreplace").decode()
    return _frame(encode({"error": {"code": code, "text": safe}, "version": VERSION}), MAX_REPLY_BYTES)


def _unpack(payload: bytes, max_items: int, max_depth: int, *, is_checked: bool = False) -> Mapping[str, Value]:
    if not is_checked:
        check_shape(payload, max_items, max_depth)
    body = decode(payload, is_checked=is_checked)
    if not isinstance(body, dict):
        raise FormatError("a message is a map")
    return body


def read_request(payload: bytes, *, is_checked: bool = False) -> Request:
    """Return what the payload of a frame asks for.

    With ``is_checked`` it is known to be canonical, and to have no more items and depth than a request may.

    Raises:
        FormatError: it is no request; the text begins with ``version`` where it is one of another version.
    """
    body = _unpack(payload, MAX_REQUEST_ITEMS, MAX_REQUEST_DEPTH, is_checked=is_checked)
    version, method, params = body.get("version"), body.get("method"), body.get("params")
    if isinstance(version, int) and version != VERSION:
        raise FormatError(f"version {version} is not spoken here: this is reprofp wire/{VERSION}")
    if len(body) != 3 or version is not VERSION or not isinstance(method, str) or not isinstance(params, dict):  # noqa: PLR2004  its keys
        raise FormatError("a request is a map of method, params and version")
    return Request(method, params)


def read_reply(payload: bytes) -> Reply:
    """Return what the payload of a frame tells.

    Raises:
        FormatError: it is no reply.
    """
    body = _unpack(payload, _REPLY_ITEMS, _REPLY_DEPTH)
    if body.get("version") != VERSION:
        raise FormatError(f"the daemon speaks another version than wire/{VERSION}: restart it")
    error = body.get("error")
    if "result" in body and "error" not in body:
        return Reply(body["result"])
    if not isinstance(error, dict) or not all(isinstance(error.get(key), str) for key in ("code", "text")):
        raise FormatError("a reply is a map of result and version, or of error and version")
    return Reply(code=str(error["code"]), text=str(error["text"]))


class Frames:
    """Cuts what comes from a socket into the payloads of frames."""

    def __init__(self, limit: int) -> None:
        """Begin without bytes; a frame of more than ``limit`` bytes is refused by its length alone."""
        self._limit = limit
        self._data = bytearray()

    def __len__(self) -> int:
        """Return how many bytes wait."""
        return len(self._data)

    def feed(self, data: bytes | Sequence[int]) -> None:
        """Take bytes."""
        self._data += bytes(data) if not isinstance(data, bytes) else data

    @property
    def wanted(self) -> int:
        """How many bytes the frame that has begun will take, its length included; 0 where that is not known yet.

        Raises:
            FormatError: it is longer than it may be, or empty.
        """
        if len(self._data) < HEADER_BYTES:
            return 0
        length = int.from_bytes(self._data[:HEADER_BYTES], "big")
        if not 0 < length <= self._limit:
            raise FormatError(f"a frame of {length} bytes is not taken: it may have 1 to {self._limit}")
        return HEADER_BYTES + length

    def take(self) -> bytes | None:
        """Return the payload of the next frame, or None where it is not whole yet.

        Raises:
            FormatError: as for ``wanted``; after that, nothing that follows can be understood.
        """
        if len(self._data) < HEADER_BYTES:
            return None
        wanted = self.wanted
        if len(self._data) < wanted:
            return None
        payload = bytes(self._data[HEADER_BYTES:wanted])
        del self._data[:wanted]
        return payload
