"""The server: an event loop around ``service.Service``, which reads frames and never waits for a disk.

In: a listening socket and a service. Out: an exit code. Guaranteed: what costs more than microseconds is done in other
threads; a full house makes room by ending who has been silent longest; SIGTERM answers what was asked, then ends; a
disk that failed ends the daemon without acknowledging anything more.
"""

from __future__ import annotations

import asyncio
import resource
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from reprofp._core.canonical import is_canonical
from reprofp.daemon.committing import Answer, Committer
from reprofp.daemon.connections import PING, Connection, Limits
from reprofp.daemon.notify import Notifier, log_line
from reprofp.daemon.service import METHODS, Service
from reprofp.daemon.watching import Watchers
from reprofp.errors import FormatError
from reprofp.wire import (
    HEADER_BYTES,
    MAX_REQUEST_DEPTH,
    MAX_REQUEST_ITEMS,
    Reply,
    Request,
    pack_error,
    pack_reply,
    read_request,
)

__all__ = ["Server", "fit_limits"]

_SWEEP_S = 0.25
_DRAIN_S = 20.0
_PING = PING[HEADER_BYTES:]
_DRAIN_PAUSE_S = 0.005
_INLINE_BYTES = 16 << 10
_KNOWN_BYTES, _KNOWN_FRAMES = 256, 256
_SPARE_DESCRIPTORS = 64
_FEWEST_CLIENTS = 4


def fit_limits(limits: Limits | None = None) -> Limits:
    """Return limits that the number of files which this process may open allows, raising that where it can be."""
    limits = Limits() if limits is None else limits
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.clients + _SPARE_DESCRIPTORS
    if soft < wanted <= hard or (soft < hard < wanted):
        soft = min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    clients = max(_FEWEST_CLIENTS, min(limits.clients, soft - _SPARE_DESCRIPTORS))
    return Limits(clients, limits.bytes_in_flight, limits.idle_s, limits.frame_s, limits.unread_bytes)


class Server:
    """All connections, and the threads that work for them."""

    def __init__(
        self,
        service: Service,
        *,
        limits: Limits | None = None,
        notifier: Notifier | None = None,
        idle_exit_s: float = 0,
    ) -> None:
        """Keep the service; with ``idle_exit_s`` the server ends when nobody was connected for so long."""
        self.service = service
        self.limits = Limits() if limits is None else limits
        self.is_stopping = False
        self._notifier = Notifier({}) if notifier is None else notifier
        self._idle_exit_s = idle_exit_s
        self._connections: set[Connection] = set()
        self._in_flight = 0
        self._known: dict[bytes, Request] = {}
        self._code = 0
        self._last_seen = self._last_sign = 0.0
        self._lanes = {lane: ThreadPoolExecutor(1, f"reprofp-{lane}") for lane in ("quick", "slow")}
        self._committer = Committer(service, self._deliver, self._fail)
        self._watchers = Watchers(service, partial(self._work, "slow"), self._finish_watch, self.now)

    async def run(self, listener: socket.socket, describe: Callable[[], dict[str, Any]] = dict) -> int:
        """Serve until told to stop, and return the exit code."""
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        self._last_seen = self.now()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self.stop, number.name)
        self._loop.set_exception_handler(_log_problem)
        self._committer.start()
        server = await self._loop.create_unix_server(lambda: Connection(self), sock=listener, backlog=512)
        self._notifier.send("READY=1", "STATUS=answering")
        log_line("info", "ready", **describe())
        sweeper = asyncio.ensure_future(self._sweep())
        await self._stopped.wait()
        server.close()
        sweeper.cancel()
        await self._drain()
        log_line("info" if self._code == 0 else "error", "stopped", code=self._code)
        return self._code

    def now(self) -> float:
        """Return the time, in seconds, as the limits count it."""
        return time.monotonic()

    def call_soon(self, work: Callable[[], None]) -> None:
        """Do ``work`` after what is waiting already."""
        self._loop.call_soon(work)

    def stop(self, why: str, code: int = 0) -> None:
        """Begin to end: nobody new is let in."""
        if not self.is_stopping:
            self.is_stopping = True
            self._code = code
            self._notifier.send("STOPPING=1", "STATUS=answering what was asked")
            log_line("info", "stopping", why=why)
            self._stopped.set()

    async def _drain(self) -> None:
        """Answer what is being worked on, then end all connections and threads."""
        self._committer.close()
        self._watchers.dismiss()
        ends = self.now() + _DRAIN_S
        for connection in [one for one in self._connections if not one.is_busy]:
            connection.close()
        while self._connections and self.now() < ends and self._code == 0:
            for connection in [one for one in self._connections if one.is_late(self.now())]:
                connection.abort()
            await asyncio.sleep(_DRAIN_PAUSE_S)
        for connection in list(self._connections):
            connection.abort()
        if self._code == 0:
            await self._loop.run_in_executor(None, self._committer.join, _DRAIN_S)
        for lane in self._lanes.values():
            lane.shutdown(wait=self._code == 0, cancel_futures=True)
        self.service.close()

    async def _sweep(self) -> None:
        """End who is late, let the ledger rest, and give signs of life."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            now = self.now()
            for connection in [one for one in self._connections if one.is_late(now)]:
                self.count_refusal("late")
                connection.abort()
            self.service.books.rest()
            self._watchers.look()
            if self._connections:
                self._last_seen = now
            elif self._idle_exit_s and now - self._last_seen > self._idle_exit_s:
                self.stop("idle")
            if self._notifier.watchdog_s and now - self._last_sign > self._notifier.watchdog_s / 3:
                self._last_sign = now
                if self._committer.is_alive:
                    self._notifier.send("WATCHDOG=1")

    def admit(self, connection: Connection) -> bool:
        """Let a client in; where the house is full, who has been silent longest goes."""
        if self.is_stopping:
            return False
        if len(self._connections) >= self.limits.clients and not self._make_room():
            return False
        self._connections.add(connection)
        self.service.counters.clients = len(self._connections)
        return True

    def _make_room(self) -> bool:
        silent = min(
            (one for one in self._connections if one.is_idle and not one.is_busy),
            key=lambda one: one.since,
            default=None,
        )
        if silent is None:
            return False
        self._connections.discard(silent)
        self.count_refusal("room")
        silent.abort()
        return True

    def forget(self, connection: Connection) -> None:
        """A client is gone."""
        self._watchers.forget(connection)
        self._connections.discard(connection)
        self.service.counters.clients = len(self._connections)
        if not connection.is_busy:
            self.release(connection)

    def count_refusal(self, reason: str) -> None:
        """Count a connection that was cut or refused."""
        self.service.counters.refused[reason] += 1

    def reserve(self, size: int) -> bool:
        """Take ``size`` bytes of what all long requests may hold; false where they are not to be had."""
        if self._in_flight + size > self.limits.bytes_in_flight:
            return False
        self._in_flight += size
        return True

    def release(self, connection: Connection) -> None:
        """Give back what a connection had reserved."""
        self._in_flight -= connection.reserved
        connection.reserved = 0

    def serve(self, connection: Connection, payload: bytes) -> None:
        """Answer one request, now or when another thread has done its part."""
        if payload == _PING and connection.greeting is not None:
            self.service.counters.pings += 1
            connection.reply(connection.greeting)
            return
        request = self._known.get(payload) if len(payload) <= _KNOWN_BYTES else None
        if request is None and len(payload) > _INLINE_BYTES:
            self._work("quick", lambda: _read(payload), lambda read: self._dispatch(connection, read, len(payload)))
            return
        if request is None:
            read = _read(payload)
            if isinstance(read, Reply):
                connection.reply(_pack(read))
                return
            request = self._remember(payload, read)
        self._dispatch(connection, request, len(payload))

    def _remember(self, payload: bytes, request: Request) -> Request:
        """Keep what short requests say: a client that asks the same again is not read again."""
        if len(payload) <= _KNOWN_BYTES:
            if len(self._known) >= _KNOWN_FRAMES:
                self._known.clear()
            self._known[payload] = request
        return request

    def _dispatch(self, connection: Connection, request: Request | Reply, size: int) -> None:
        peer = connection.peer
        if isinstance(request, Reply) or peer is None:
            self._finish(
                connection, _pack(request if isinstance(request, Reply) else Reply(code="denied", text="no peer"))
            )
            return
        method = METHODS.get(request.method)
        lane = "now" if method is None else method.lane
        if lane == "write":
            self._committer.submit(request, peer, size, lambda reply: self._finish(connection, _pack(reply)))
        elif lane == "now":
            reply = self.service.handle(request, peer)
            frame = _pack(reply)
            if request.method == "ping" and not reply.code:
                connection.greeting = frame
            connection.reply(frame)
        elif lane == "wait":
            self._watchers.watch(connection, request, peer)
        else:
            self._work(
                lane,
                lambda: _pack(self.service.handle(request, peer)),
                lambda frame: self._finish(connection, frame),
            )

    def _finish_watch(self, connection: Connection, reply: Reply) -> None:
        self._finish(connection, _pack(reply))

    def _finish(self, connection: Connection, frame: bytes) -> None:
        connection.reply(frame)
        connection.go_on()

    def _work(self, lane: str, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Do ``work`` in a thread, and call ``done`` here with what it returned."""

        def act() -> None:
            try:
                result = work()
            except Exception as error:  # noqa: BLE001  the loop must not be left waiting
                self._fail(error)
                return
            self._call(done, result)

        self._lanes[lane].submit(act)

    def _call(self, done: Callable[[Any], None], result: Any) -> None:
        with suppress(RuntimeError):  # the loop has ended: nobody waits any more
            self._loop.call_soon_threadsafe(done, result)

    def _deliver(self, replies: list[tuple[Answer, Reply]]) -> None:
        def answer(pairs: list[tuple[Answer, Reply]]) -> None:
            for tell, reply in pairs:
                tell(reply)

        self._call(answer, replies)

    def _fail(self, error: Exception) -> None:
        log_line("error", "failed", error=f"{type(error).__name__}: {error}")
        self._call(lambda _: self.stop("failure", 1), None)


def _read(payload: bytes) -> Request | Reply:
    try:
        return read_request(payload, is_checked=is_canonical(payload, MAX_REQUEST_ITEMS, MAX_REQUEST_DEPTH))
    except FormatError as error:
        return Reply(code="version" if str(error).startswith("version ") else "frame", text=str(error))
    except RecursionError:
        return Reply(code="frame", text="values nest too deep")


def _pack(reply: Reply) -> bytes:
    if reply.code:
        return pack_error(reply.code, reply.text)
    try:
        return pack_reply(reply.result)
    except FormatError as error:
        return pack_error("internal", f"the answer cannot be written: {error}")


def _log_problem(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Write what asyncio could not do (file descriptors that ran out, say); it goes on by itself."""
    log_line("warning", "trouble", what=context.get("message", ""), error=context.get("exception", ""))
