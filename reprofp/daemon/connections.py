"""One client's connection: frames in, replies out, within limits.

In: bytes, as they come. Out: requests for the server, one at a time and in order, and frames back. Guaranteed: a
client that sends slowly, reads slowly, or sends nonsense costs a bounded number of bytes for a bounded time.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from reprofp.daemon.peers import Peer, read_peer
from reprofp.errors import FormatError
from reprofp.wire import MAX_REQUEST_BYTES, Frames, Request, pack_error, pack_request

if TYPE_CHECKING:
    from reprofp.daemon.server import Server

__all__ = ["PING", "Connection", "Limits"]

PING = pack_request(Request("ping"))
"""The frame of a ping, which has one form."""

_FRAMES_A_TURN = 64
_READ_AHEAD = 64 << 10


@dataclass(frozen=True, slots=True)
class Limits:
    """How much clients may ask of the daemon."""

    clients: int = 1024
    bytes_in_flight: int = 128 << 20
    """Of all frames longer than 64 KiB that have begun, and are not answered."""
    idle_s: float = 300.0
    """How long a connection may stay without a request."""
    frame_s: float = 10.0
    """How long a frame may take to arrive, and a reply to be read."""
    unread_bytes: int = 256 << 10
    """How much of a client's replies may wait before it is served no further."""


class Connection(asyncio.Protocol):
    """A client."""

    def __init__(self, server: Server) -> None:
        """Wait for the connection to be made."""
        self._server = server
        self._frames = Frames(MAX_REQUEST_BYTES)
        self._transport: asyncio.Transport | None = None
        self.peer: Peer | None = None
        self.is_busy = False
        """Whether a request of this client is being worked on."""
        self._is_unread = self._is_paused = self._is_scheduled = self._is_ending = False
        self.reserved = 0
        self.greeting: bytes | None = None
        """The frame that answers this client's pings, once it had one: it is the same each time."""
        self.since = 0.0
        """When what it does now began: a frame, a wait for a request, or for its replies to be read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Find out who it is; one more client than may be is told so."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=self._server.limits.unread_bytes)
        self.since = self._server.now()
        try:
            self.peer = read_peer(cast("socket.socket", transport.get_extra_info("socket")))
        except OSError:
            self._transport.abort()
            return
        if not self._server.admit(self):
            self.end("busy", "the daemon has as many clients as it may: ask again later")

    def connection_lost(self, _error: Exception | None) -> None:
        """Forget the client; what it asked to be stored is stored all the same."""
        self._transport = None
        self._server.forget(self)

    @property
    def is_idle(self) -> bool:
        """Whether it waits for a request, or for the rest of one."""
        return not self.is_busy and not self._is_unread

    def is_late(self, now: float) -> bool:
        """Whether it has taken longer than it may."""
        limits = self._server.limits
        if self.is_busy:
            return False
        return now - self.since > (limits.frame_s if self._is_unread or len(self._frames) else limits.idle_s)

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        if data == PING and self._greet():
            return
        if self._is_ending:
            return
        if not self._frames:
            self.since = self._server.now()
        self._frames.feed(data)
        self._advance()
        self._hold_back()

    def _greet(self) -> bool:
        """Answer a ping that came alone, as the last one was answered; false where more is to be thought of."""
        is_plain = not (self.is_busy or self._is_unread or self._is_ending or self._frames or self._server.is_stopping)
        if self.greeting is None or self._transport is None or not is_plain:
            return False
        self.since = self._server.now()
        self._server.service.counters.pings += 1
        self._transport.write(self.greeting)
        return True

    def _hold_back(self) -> None:
        """Read no further while enough waits here already."""
        if self._transport is None or self._transport.is_closing():
            return
        wants = not (self.is_busy or self._is_unread) or len(self._frames) < _READ_AHEAD
        if wants and self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()
        elif not wants and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()

    def _advance(self) -> None:
        """Serve what is whole, and let other clients have their turn in between."""
        self._is_scheduled = False
        try:
            for _ in range(_FRAMES_A_TURN):
                if self.is_busy or self._is_unread or self._is_ending or not self._serve_next():
                    return
        except FormatError as error:
            self.end("frame", str(error))
            return
        if not self._is_scheduled:
            self._is_scheduled = True
            self._server.call_soon(self._advance)

    def _serve_next(self) -> bool:
        payload = self._frames.take()
        if payload is None:
            self._reserve(self._frames.wanted)
            return False
        self.since = self._server.now()
        self.is_busy = True
        self._server.serve(self, payload)
        return True

    def _reserve(self, size: int) -> None:
        """Ask for room for a long frame; where there is none, the client is told to come back."""
        if size > _READ_AHEAD and not self.reserved:
            if self._server.reserve(size):
                self.reserved = size
            else:
                self.end("busy", "the daemon holds as many bytes of requests as it may: ask again later")

    def reply(self, frame: bytes) -> None:
        """Answer the request that was worked on."""
        self.is_busy = False
        self.since = self._server.now()
        if self.reserved:
            self._server.release(self)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frame)
            if self._server.is_stopping:
                self._transport.close()

    def go_on(self) -> None:
        """Serve what came in the meantime."""
        if not self._is_scheduled:
            self._advance()
        self._hold_back()

    def end(self, code: str, text: str) -> None:
        """Tell the client why, and close."""
        self._is_ending = True
        self._server.count_refusal(code)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(pack_error(code, text))
            self._transport.close()

    def close(self) -> None:
        """Close once all is sent."""
        self._is_ending = True
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._is_ending = True
        if self._transport is not None:
            self._transport.abort()

    def pause_writing(self) -> None:
        """Serve no further while replies are not read."""
        self._is_unread = True
        self.since = self._server.now()

    def resume_writing(self) -> None:
        """Go on where it stopped."""
        self._is_unread = False
        self._server.call_soon(self.go_on)
