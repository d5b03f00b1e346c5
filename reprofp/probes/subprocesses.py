"""Runs a helper program, bounded in time and in the bytes that it may write."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import selectors
    import subprocess

__all__ = ["Answer", "ask_program"]

_CHUNK = 1 << 16


class Answer(NamedTuple):
    """What a program answered."""

    code: int
    out: bytes
    err: bytes


def ask_program(
    command: Sequence[str], *, cwd: str, environ: Mapping[str, str], data: bytes = b"", seconds: float, limit: int
) -> Answer:
    """Run ``command`` with ``data`` as its input, and return what it wrote.

    Raises:
        OSError: it cannot be started.
        TimeoutError: it did not end within ``seconds``; it was killed.
        ValueError: it wrote more than ``limit`` bytes; it was killed.
    """
    import subprocess  # noqa: PLC0415  it takes milliseconds to import, and not every snapshot asks a program

    deadline = time.monotonic() + seconds
    with subprocess.Popen(
        list(command),
        cwd=cwd,
        env=dict(environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    ) as process:
        try:
            out, err = _converse(process, data, deadline, limit)
            return Answer(process.wait(max(deadline - time.monotonic(), 0.001)), out, err)
        except subprocess.TimeoutExpired as error:
            raise _late(command) from error
        except TimeoutError as error:
            raise _late(command) from error
        finally:
            process.kill()


def _late(command: Sequence[str]) -> TimeoutError:
    return TimeoutError(f"{os.path.basename(command[0])} did not end in time")


def _converse(process: subprocess.Popen[bytes], data: bytes, deadline: float, limit: int) -> tuple[bytes, bytes]:
    import selectors  # noqa: PLC0415

    assert process.stdin is not None  # noqa: S101  asked for with PIPE
    assert process.stdout is not None  # noqa: S101
    assert process.stderr is not None  # noqa: S101
    out, err = bytearray(), bytearray()
    rest = memoryview(data)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, out)
        selector.register(process.stderr, selectors.EVENT_READ, err)
        os.set_blocking(process.stdin.fileno(), False)
        selector.register(process.stdin, selectors.EVENT_WRITE, None)
        while selector.get_map():
            for key, _ in _wait(selector, deadline):
                if key.data is None:
                    rest = _feed(selector, process, rest)
                elif not _drain(key, limit):
                    selector.unregister(key.fileobj)
    return bytes(out), bytes(err)


def _wait(selector: selectors.BaseSelector, deadline: float) -> list[tuple[selectors.SelectorKey, int]]:
    left = deadline - time.monotonic()
    events = selector.select(left) if left > 0 else []
    if not events and time.monotonic() >= deadline:
        raise TimeoutError
    return events


def _drain(key: selectors.SelectorKey, limit: int) -> bool:
    """Take what one stream holds; return whether there may be more."""
    chunk = os.read(key.fd, _CHUNK)
    key.data.extend(chunk)
    if len(key.data) > limit:
        raise ValueError(f"it wrote more than {limit} bytes")
    return bool(chunk)


def _feed(selector: selectors.BaseSelector, process: subprocess.Popen[bytes], rest: memoryview) -> memoryview:
    """Give the program some of its input; close it when there is no more, or nobody reads it."""
    assert process.stdin is not None  # noqa: S101
    with contextlib.suppress(BrokenPipeError):
        rest = rest[os.write(process.stdin.fileno(), rest[:_CHUNK]) :] if rest else rest
        if rest:
            return rest
    selector.unregister(process.stdin)
    process.stdin.close()
    return rest[:0]
