"""The one thread that writes: it takes all that waits, stores it in one transaction, and then answers all.

In: puts, and what to call with the reply. Out: calls, in the thread of the event loop. Guaranteed: no reply before what
it acknowledges is durable; after the disk failed nothing is acknowledged any more.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from reprofp.daemon.peers import Peer
from reprofp.daemon.service import Put, Service
from reprofp.wire import Reply, Request

__all__ = ["Committer"]

_MOST_PUTS = 256
_MOST_BYTES = 32 << 20

Answer = Callable[[Reply], None]


class _Waiting:
    __slots__ = ("answer", "peer", "request", "size")

    def __init__(self, request: Request, peer: Peer, size: int, answer: Answer) -> None:
        self.request, self.peer, self.size, self.answer = request, peer, size, answer


class Committer:
    """A thread with a queue."""

    def __init__(
        self, service: Service, deliver: Callable[[list[tuple[Answer, Reply]]], None], fail: Callable[[Exception], None]
    ) -> None:
        """Keep the service; ``deliver`` and ``fail`` are called in the thread, for a group's replies and for its end."""
        self._service, self._deliver, self._fail = service, deliver, fail
        self._queue: deque[_Waiting] = deque()
        self._turn = threading.Condition()
        self._is_closing = False
        self._thread = threading.Thread(target=self._work, name="reprofp-writer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether it still works."""
        return self._thread.is_alive()

    def submit(self, request: Request, peer: Peer, size: int, answer: Answer) -> None:
        """Queue a request that writes; ``size`` is that of its frame."""
        with self._turn:
            self._queue.append(_Waiting(request, peer, size, answer))
            self._turn.notify()

    def close(self) -> None:
        """Let the thread end once the queue is empty, without waiting for it."""
        with self._turn:
            self._is_closing = True
            self._turn.notify()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread to end."""
        self._thread.join(timeout_s)

    def _work(self) -> None:
        try:
            while group := self._take():
                self._deliver(self._commit(group))
        except Exception as error:  # noqa: BLE001  whatever it is: the daemon must end, not go on without a writer
            self._fail(error)

    def _take(self) -> list[_Waiting]:
        with self._turn:
            while not self._queue and not self._is_closing:
                self._turn.wait()
            group, size = list[_Waiting](), 0
            while self._queue and len(group) < _MOST_PUTS and size < _MOST_BYTES:
                group.append(self._queue.popleft())
                size += group[-1].size
        return group

    def _commit(self, group: list[_Waiting]) -> list[tuple[Answer, Reply]]:
        prepared = [(item, self._service.prepare(item.request, item.peer)) for item in group]
        puts = [(item, put) for item, put in prepared if isinstance(put, Put)]
        replies = [(item.answer, reply) for item, reply in prepared if isinstance(reply, Reply)]
        if puts:
            stored = self._service.commit([put for _, put in puts])
            replies += [(item.answer, reply) for (item, _), reply in zip(puts, stored, strict=True)]
        return replies
