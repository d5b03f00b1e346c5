"""Who waits for drift: requests that are looked at again when records came, until there is something to tell.

In: requests with ``wait_ms``. Out: one reply each, at the latest when the time is over. Guaranteed: what waits costs a
look a second at most while nothing comes; a server that stops lets nobody wait.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reprofp.daemon.drift import MAX_WAIT_MS, move_on, needs_another_look
from reprofp.wire import Reply, Request

if TYPE_CHECKING:
    from reprofp.daemon.connections import Connection
    from reprofp.daemon.peers import Peer
    from reprofp.daemon.service import Service

__all__ = ["Watchers"]

_MOST = 64
_PAUSE_S = 1.0


@dataclass
class _Watcher:
    connection: Connection
    peer: Peer
    request: Request
    ends: float
    looked: float = 0.0
    reply: Reply | None = None


class Watchers:
    """The requests that wait."""

    def __init__(
        self,
        service: Service,
        work: Callable[[Callable[[], Any], Callable[[Any], None]], None],
        finish: Callable[[Connection, Reply], None],
        now: Callable[[], float],
    ) -> None:
        """Keep how work is done in another thread, and how a request is answered."""
        self._service, self._work, self._finish, self._now = service, work, finish, now
        self._watching: dict[Connection, _Watcher] = {}
        self._is_over = False
        self._seen = 0

    def watch(self, connection: Connection, request: Request, peer: Peer) -> None:
        """Look once, and again while there is nothing to tell and time is left."""
        wait_ms = request.params.get("wait_ms")
        wait_s = min(wait_ms, MAX_WAIT_MS) / 1000 if type(wait_ms) is int else 0.0
        if len(self._watching) >= _MOST:
            self._finish(
                connection, Reply(code="busy", text=f"{_MOST} clients wait for drift already: ask again later")
            )
            return
        watcher = self._watching[connection] = _Watcher(connection, peer, request, self._now() + wait_s)
        self._look(watcher)

    def _look(self, watcher: _Watcher) -> None:
        watcher.looked, watcher.reply = self._now(), None
        self._work(
            lambda: self._service.handle(watcher.request, watcher.peer), lambda reply: self._settle(watcher, reply)
        )

    def _settle(self, watcher: _Watcher, reply: Reply) -> None:
        if watcher.connection not in self._watching:
            return
        watcher.reply = reply
        result: Any = reply.result
        if reply.code or not needs_another_look(result) or self._is_over or self._now() >= watcher.ends:
            self._end(watcher)
            return
        watcher.request = Request(watcher.request.method, move_on(watcher.request.params, result))
        if result["behind"]:
            self._look(watcher)

    def _end(self, watcher: _Watcher) -> None:
        del self._watching[watcher.connection]
        self._finish(watcher.connection, watcher.reply or Reply(code="stopping", text="the daemon is about to end"))

    def look(self) -> None:
        """Look again for those who wait, where records came or a second has passed."""
        now, seen = self._now(), self._service.counters.records
        is_new, self._seen = seen != self._seen, seen
        for watcher in [one for one in self._watching.values() if one.reply is not None]:
            if now >= watcher.ends:
                self._end(watcher)
            elif is_new or now - watcher.looked >= _PAUSE_S:
                self._look(watcher)

    def dismiss(self) -> None:
        """Let nobody wait any longer."""
        self._is_over = True
        for watcher in [one for one in self._watching.values() if one.reply is not None]:
            self._end(watcher)

    def forget(self, connection: Connection) -> None:
        """A client is gone."""
        self._watching.pop(connection, None)
