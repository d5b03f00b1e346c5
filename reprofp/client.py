"""Clients of the daemon, for training code: light to import, with deadlines, and never a daemon's prisoner.

In: method names and values. Out: values, or an error within the deadline. A connection that broke is made again
once per request: every request may be repeated without harm, since records are named by their content.
``reprofp.connect()`` gives what falls back on this process where there is no daemon; see docs/formats/wire.md for
the bytes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    import asyncio
    import socket
    from typing import Any

    from reprofp.wire import Reply

__all__ = ["AsyncClient", "Client", "find_socket", "open_reply"]

_DEADLINE_S = 5.0
_CHUNK = 1 << 16


def find_socket() -> str:
    """Return the path of the daemon's socket: REPROFP_SOCKET, else ``reprofp/socket`` in XDG_RUNTIME_DIR.

    Where there is no such folder, it lies in a folder of the user's in /tmp.
    """
    import os  # noqa: PLC0415  loaded in any case

    named = os.environ.get("REPROFP_SOCKET")
    if named:
        return named
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return f"{runtime}/reprofp/socket" if runtime.startswith("/") else f"/tmp/reprofp-{os.getuid()}/socket"  # noqa: S108  owner checked


class _Calls(ABC):
    """The methods by name, for a client that says how it asks; what ``ask`` returns they return."""

    path: str

    @abstractmethod
    def ask(self, method: str, /, **params: Any) -> Any:
        """Send a request and return its answer, or what will be it."""

    def ping(self) -> Any:
        """Ask who is there: a map of ``daemon`` (its version), ``ledger`` (its folder) and ``uid``."""
        return self.ask("ping")

    def health(self) -> Any:
        """Ask how the daemon is."""
        return self.ask("health")

    def metrics(self) -> Any:
        """Ask for counters, as ``text`` in Prometheus' form."""
        return self.ask("metrics")

    def put(self, records: list[bytes], tag: str | None = None) -> Any:
        """Store record files (``reprofp.ledger.files.pack_record``); acknowledged once they are durable."""
        return self.ask("record.put", records=records, tag=tag)

    def get(self, name: str) -> Any:
        """Ask for a record: ``record`` holds the bytes of its file."""
        return self.ask("record.get", name=name)

    def resolve(self, name: str) -> Any:
        """Ask which ``id`` a name stands for."""
        return self.ask("resolve", name=name)

    def log(self, **narrowing: Any) -> Any:
        """Ask for ``records`` in short: ``kind``, ``limit``, ``before``, ``since_ns``, ``until_ns``, ``tag``, ``uid``."""
        return self.ask("log", **narrowing)

    def compare(self, a: str | bytes, b: str | bytes, **request: Any) -> Any:
        """Ask for the verdict on two records: names, or the bytes of their files."""
        return self.ask("compare", a=a, b=b, **request)

    def check(self, baseline: str, now: str | bytes, require: str = "bitwise", **request: Any) -> Any:
        """Ask before a run whether anything is in the way of repeating a baseline."""
        return self.ask("check", baseline=baseline, now=now, require=require, **request)

    def comparable_with(self, name: str | bytes, require: str = "statistical", limit: int = 20) -> Any:
        """Ask for the ``records`` that may be compared with one."""
        return self.ask("comparable_with", name=name, require=require, limit=limit)

    def drift(self, baseline: str | bytes, after: int | None = None, **request: Any) -> Any:
        """Ask which ``records`` after a leaf cannot be compared with a baseline; ``wait_ms`` waits for one to come.

        ``after`` of the answer is that of the next question. The deadline must be longer than ``wait_ms``.
        """
        return self.ask("drift", baseline=baseline, after=after, **request)


def _check_server(connection: socket.socket, path: str, *, is_named: bool) -> None:
    """Refuse a socket that another user listens on, where the user did not name it."""
    import os  # noqa: PLC0415  loaded in any case
    import socket  # noqa: PLC0415  not before it is needed
    import struct  # noqa: PLC0415  not before it is needed

    from reprofp.errors import DaemonError  # noqa: PLC0415  not before it is needed

    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", packed)
    if not is_named and uid not in (0, os.getuid()):
        raise DaemonError(
            f"the socket {path} belongs to user {uid}, not to you: it is not used; set REPROFP_SOCKET if it should be"
        )


def _explain(path: str, error: OSError) -> str:
    return f"the daemon at {path} cannot be reached: {error.strerror or error}; start it with `reprofp daemon`"


def open_reply(reply: Reply) -> Any:
    """Return the result of a reply, or raise the error that it tells."""
    if not reply.code:
        return reply.result
    from reprofp import errors  # noqa: PLC0415  not before it is needed

    kinds = {
        "usage": errors.UsageError,
        "not-found": errors.NameNotFoundError,
        "ambiguous": errors.AmbiguousNameError,
        "format": errors.FormatError,
        "ledger": errors.LedgerError,
    }
    if reply.code in kinds:
        raise kinds[reply.code](reply.text)
    raise errors.DaemonError(reply.text, reply.code)


class Client(_Calls):
    """A synchronous client; it connects when it is first asked something. One thread at a time may use it."""

    def __init__(self, path: str | None = None, *, deadline_s: float = _DEADLINE_S) -> None:
        """Keep the socket's path (else ``find_socket()``) and how many seconds a request may take in all.

        A socket that nobody named must be the user's own, or root's.
        """
        import os  # noqa: PLC0415  loaded in any case

        self.path = find_socket() if path is None else os.fspath(path)
        self.deadline_s = deadline_s
        self._is_named = path is not None or "REPROFP_SOCKET" in os.environ
        self._connection: socket.socket | None = None
        self._process = os.getpid()

    def ask(self, method: str, /, **params: Any) -> Any:
        """Send a request and return its result.

        Raises:
            DaemonError: the daemon is not there, was too slow, or refuses.
            ReprofpError: what went wrong there, as it would have here.
        """
        import time  # noqa: PLC0415  loaded in any case

        from reprofp.wire import Request, pack_request, read_reply  # noqa: PLC0415  brings msgpack

        frame = pack_request(Request(method, params))
        ends = time.monotonic() + self.deadline_s
        try:
            payload = self._exchange(frame, ends, is_last=self._connection is None)
        except BaseException:
            self.close()
            raise
        return open_reply(read_reply(payload))

    def _exchange(self, frame: bytes, ends: float, *, is_last: bool) -> bytes:
        from reprofp.errors import DaemonError  # noqa: PLC0415  not before it is needed

        try:
            connection = self._connect(ends)
            self._wait(connection, ends)
            connection.sendall(frame)
            return self._receive(connection, ends)
        except TimeoutError:
            raise DaemonError(
                f"the daemon at {self.path} did not answer within {self.deadline_s:g} s: see `reprofp daemon status`",
                "late",
            ) from None
        except OSError as error:
            self.close()
            if is_last:
                raise DaemonError(_explain(self.path, error)) from error
        return self._exchange(frame, ends, is_last=True)

    def _connect(self, ends: float) -> socket.socket:
        import os  # noqa: PLC0415  loaded in any case
        import socket  # noqa: PLC0415  not before it is needed

        if self._process != os.getpid():  # a connection that came by fork is the parent's
            self.close()
            self._process = os.getpid()
        if self._connection is None:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self._wait(connection, ends)
                connection.connect(self.path)
                _check_server(connection, self.path, is_named=self._is_named)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    @staticmethod
    def _wait(connection: socket.socket, ends: float) -> None:
        import time  # noqa: PLC0415  loaded in any case

        left = ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)

    def _receive(self, connection: socket.socket, ends: float) -> bytes:
        from reprofp.wire import MAX_REPLY_BYTES, Frames  # noqa: PLC0415  brings msgpack

        frames = Frames(MAX_REPLY_BYTES)
        while (payload := frames.take()) is None:
            self._wait(connection, ends)
            data = connection.recv(max(_CHUNK, min(frames.wanted - len(frames), 1 << 20)))
            if not data:
                raise ConnectionResetError("the daemon closed the connection")
            frames.feed(data)
        return payload

    def close(self) -> None:
        """Close the connection; the next request makes another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def __enter__(self) -> Client:  # noqa: PYI034  typing.Self needs Python 3.11
        """Return the client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self.close()


class AsyncClient(_Calls):
    """A client for asyncio: each method returns what is to be awaited. Requests go out in the order they were made."""

    def __init__(self, path: str | None = None, *, deadline_s: float = _DEADLINE_S) -> None:
        """Keep the socket's path (else ``find_socket()``) and how many seconds a request may take in all."""
        import asyncio  # noqa: PLC0415  whoever makes one has it
        import os  # noqa: PLC0415  loaded in any case

        self.path = find_socket() if path is None else os.fspath(path)
        self.deadline_s = deadline_s
        self._is_named = path is not None or "REPROFP_SOCKET" in os.environ
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()

    async def ask(self, method: str, /, **params: Any) -> Any:
        """Send a request and return its result.

        Raises:
            DaemonError: the daemon is not there, was too slow, or refuses.
            ReprofpError: what went wrong there, as it would have here.
        """
        import asyncio  # noqa: PLC0415  whoever makes one has it

        from reprofp.errors import DaemonError  # noqa: PLC0415  not before it is needed
        from reprofp.wire import Request, pack_request, read_reply  # noqa: PLC0415  brings msgpack

        frame = pack_request(Request(method, params))
        try:
            return open_reply(read_reply(await asyncio.wait_for(self._take_turn(frame), self.deadline_s)))
        except (TimeoutError, asyncio.TimeoutError):
            raise DaemonError(
                f"the daemon at {self.path} did not answer within {self.deadline_s:g} s: see `reprofp daemon status`",
                "late",
            ) from None

    async def _take_turn(self, frame: bytes) -> bytes:
        import asyncio  # noqa: PLC0415  whoever makes one has it

        from reprofp.errors import DaemonError  # noqa: PLC0415  not before it is needed

        async with self._turn:
            is_fresh = self._streams is None
            try:
                return await self._exchange(frame)
            except (OSError, asyncio.IncompleteReadError) as error:
                self._drop()
                if is_fresh:
                    raise DaemonError(_explain(self.path, OSError(str(error)))) from error
            except BaseException:
                self._drop()
                raise
            try:
                return await self._exchange(frame)
            except (OSError, asyncio.IncompleteReadError) as error:
                self._drop()
                raise DaemonError(_explain(self.path, OSError(str(error)))) from error

    async def _exchange(self, frame: bytes) -> bytes:
        import asyncio  # noqa: PLC0415  whoever makes one has it

        from reprofp.errors import FormatError  # noqa: PLC0415  not before it is needed
        from reprofp.wire import HEADER_BYTES, MAX_REPLY_BYTES  # noqa: PLC0415  brings msgpack

        if self._streams is None:
            self._streams = await asyncio.open_unix_connection(self.path)
            _check_server(self._streams[1].get_extra_info("socket"), self.path, is_named=self._is_named)
        reader, writer = self._streams
        writer.write(frame)
        await writer.drain()
        length = int.from_bytes(await reader.readexactly(HEADER_BYTES), "big")
        if not 0 < length <= MAX_REPLY_BYTES:
            raise FormatError(f"the daemon at {self.path} sent a frame of {length} bytes: it is no reply")
        return await reader.readexactly(length)

    def _drop(self) -> None:
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].transport.abort()

    async def close(self) -> None:
        """Close the connection; the next request makes another."""
        import contextlib  # noqa: PLC0415  seldom needed

        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
            with contextlib.suppress(OSError):
                await streams[1].wait_closed()

    async def __aenter__(self) -> AsyncClient:  # noqa: PYI034  typing.Self needs Python 3.11
        """Return the client itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection."""
        await self.close()
