"""The log of a run of W&B, ``run-ID.wandb``: what an offline run of a newer release keeps in place of its files.

In: the bytes of the file: a head of 7 bytes, then blocks of 32 KiB of records in the form of LevelDB's log (its
doc/log_format.md), each with a checksum; a record is a protocol buffer ``Record`` (wandb/proto/wandb_internal.proto, whose
numbers are given below). Out: the environment as wandb-metadata.json has it, the configuration, the history of metrics.
Guaranteed: a log that breaks off, as that of a run that was killed does, gives what came before; a damaged one is a
FormatError.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Union

from reprofp.errors import FormatError

__all__ = ["HEAD", "RunLog", "read_run_log"]

HEAD = b":W&B" + struct.pack("<HB", 0xBEE1, 0)
_BLOCK = 1 << 15
_RECORD_HEAD = 7
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MOST_VARINT_BYTES = 10

Field = Union[int, bytes]
Message = Mapping[int, Sequence[Field]]

# Numbers of fields, as wandb_internal.proto has them.
_HISTORY, _CONFIG, _RUN, _ENVIRONMENT = 2, 5, 17, 26
_RUN_CONFIG, _RUN_START = 4, 17
_KEY, _NESTED_KEY, _JSON = 1, 2, 16
_TEXTS = {1: "os", 2: "python", 6: "program", 7: "codePath", 12: "host", 25: "cudaVersion"}
_NUMBERS = {16: "cpu_count", 17: "cpu_count_logical", 19: "gpu_count"}
_STARTED, _ARGS, _GIT, _MEMORY, _GPUS = 3, 5, 9, 21, 24


@dataclass
class RunLog:
    """What the log of a run tells."""

    metadata: dict[str, Any] = field(default_factory=dict)
    """In the form of wandb-metadata.json."""
    config: dict[str, Any] = field(default_factory=dict)
    history: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    time_ns: int | None = None


def read_run_log(data: bytes, place: str) -> RunLog:
    """Read the log ``data`` of the file ``place``.

    Raises:
        FormatError: it is no such log, or is damaged.
    """
    if not data.startswith(HEAD):
        raise FormatError(f"{place}: no log of W&B that is known: it does not begin as one")
    log = RunLog()
    try:
        for record in _walk_records(data):
            _take_record(log, _read_message(record))
    except (ValueError, IndexError, struct.error) as error:
        raise FormatError(f"{place}: a damaged log of W&B ({error})") from error
    return log


def _walk_records(data: bytes) -> Iterator[bytes]:
    parts: list[bytes] = []
    place = len(HEAD)
    while place + _RECORD_HEAD <= len(data):
        left = _BLOCK - place % _BLOCK
        if left < _RECORD_HEAD:
            place += left
            continue
        checksum, length, kind = struct.unpack_from("<IHB", data, place)
        body = data[place + _RECORD_HEAD : place + _RECORD_HEAD + length]
        if kind == 0 or len(body) < length:
            return  # the run was killed while it wrote, or the rest was never filled
        if zlib.crc32(bytes([kind]) + body) != checksum:
            raise ValueError(f"the checksum of the record at byte {place} does not hold")
        place += _RECORD_HEAD + length
        parts = [body] if kind in (_FULL, _FIRST) else [*parts, body]
        if kind in (_FULL, _LAST):
            yield b"".join(parts)


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for count in range(_MOST_VARINT_BYTES):
        byte = data[place + count]
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:  # noqa: PLR2004  the bit that says that more follows
            return value, place + count + 1
    raise ValueError("a number of more than ten bytes")


def _read_message(data: bytes) -> Message:
    """Return the fields of a protocol buffer by their numbers (protobuf.dev, "Encoding")."""
    fields: dict[int, list[Field]] = {}
    place = 0
    while place < len(data):
        tag, place = _read_varint(data, place)
        value, place = _read_field(data, place, tag & 7)
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def _read_field(data: bytes, place: int, kind: int) -> tuple[Field, int]:
    if kind == _VARINT:
        return _read_varint(data, place)
    if kind == _BYTES:
        length, place = _read_varint(data, place)
    elif kind in (_FIXED64, _FIXED32):
        length = 8 if kind == _FIXED64 else 4
    else:
        raise ValueError(f"a field of the unknown kind {kind}")
    if place + length > len(data):
        raise ValueError("a field that is longer than its message")
    return data[place : place + length], place + length


def _take_record(log: RunLog, record: Message) -> None:
    for run in _messages(record, _RUN):
        for config in _messages(run, _RUN_CONFIG):
            _take_config(log, config)
        log.time_ns = _read_time(run, _RUN_START) or log.time_ns
    for config in _messages(record, _CONFIG):
        _take_config(log, config)
    for history in _messages(record, _HISTORY):
        _take_history(log, history)
    for environment in _messages(record, _ENVIRONMENT):
        log.metadata.update(_read_environment(environment))
        log.time_ns = _read_time(environment, _STARTED) or log.time_ns


def _messages(message: Message, number: int) -> Iterator[Message]:
    return (_read_message(value) for value in message.get(number, ()) if isinstance(value, bytes))


def _texts(message: Message, number: int) -> list[str]:
    return [value.decode("utf-8", "replace") for value in message.get(number, ()) if isinstance(value, bytes)]


def _first_text(message: Message, number: int) -> str:
    return next(iter(_texts(message, number)), "")


def _first_number(message: Message, number: int) -> int | None:
    return next((value for value in message.get(number, ()) if isinstance(value, int)), None)


def _read_time(message: Message, number: int) -> int | None:
    """Return a moment of google.protobuf.Timestamp in nanoseconds since 1970."""
    for moment in _messages(message, number):
        seconds = _first_number(moment, 1)
        if seconds is not None and seconds < 1 << 33:
            return seconds * 10**9 + (_first_number(moment, 2) or 0)
    return None


def _read_item(item: Message) -> tuple[list[str], Any]:
    """Return the path and the value of an item; one that holds no JSON has none."""
    path = _texts(item, _NESTED_KEY) or _texts(item, _KEY)
    try:
        return path, json.loads(_first_text(item, _JSON))
    except (ValueError, RecursionError):
        return [], None


def _take_config(log: RunLog, config: Message) -> None:
    for item in _messages(config, 1):
        path, value = _read_item(item)
        if not path or path[0] == "_wandb":
            continue
        place = log.config
        for part in path[:-1]:
            below = place.get(part)
            place[part] = place = below if isinstance(below, dict) else {}
        place[path[-1]] = value


def _take_history(log: RunLog, history: Message) -> None:
    step = next((_first_number(part, 1) or 0 for part in _messages(history, 2)), None)
    values = {".".join(path): value for path, value in map(_read_item, _messages(history, 1)) if path}
    own = values.get("_step")
    number = own if type(own) is int else step
    for name, value in values.items():
        if not name.startswith("_") and number is not None:
            log.history.setdefault(name, []).append((number, value))


def _read_environment(message: Message) -> dict[str, Any]:
    data: dict[str, Any] = {name: _first_text(message, number) for number, name in _TEXTS.items()}
    data.update({name: _first_number(message, number) for number, name in _NUMBERS.items()})
    data["args"] = _texts(message, _ARGS)
    data["git"] = {"commit": next((_first_text(git, 2) for git in _messages(message, _GIT)), "")}
    data["memory"] = {
        "total": str(next((_first_number(memory, 1) or "" for memory in _messages(message, _MEMORY)), ""))
    }
    data["gpu_nvidia"] = [
        {"name": _first_text(gpu, 1), "memoryTotal": _first_number(gpu, 2)} for gpu in _messages(message, _GPUS)
    ]
    return {name: value for name, value in data.items() if value not in ("", None, [])}
