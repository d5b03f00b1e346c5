"""Using the daemon where it is there, and this process where it is not.

In: records and questions. Out: the same answers either way, for both ask ``daemon.service``. Guaranteed: a program
is not stopped by a daemon that is gone, slow or another user's, and not slowed by one that stays gone; a daemon of
another ledger is not used.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprofp.client import Client, open_reply
from reprofp.errors import DaemonError, LedgerError, ReprofpError

if TYPE_CHECKING:
    from reprofp.ledger import Kept
    from reprofp.model.records import Record

__all__ = ["Session", "check_place", "keep"]

_DEADLINE_S = 5.0
_KEEP_DEADLINE_S = 30.0
_TRY_AGAIN_S = 30.0
_ROOM = 4096


_left_alone: dict[str, float] = {}
"""Until when daemons that did not answer in time are not asked again, by their sockets."""


def _find_place(folder: Path | None) -> Path:
    if folder is not None:
        return Path(folder)
    from reprofp.ledger import default_path  # noqa: PLC0415  brings the store

    return default_path()


def _serves(client: Client, place: Path) -> bool:
    """Whether a daemon answers, and writes the ledger in ``place``; one that was too slow is left alone for a while."""
    if not os.path.exists(client.path) or time.monotonic() < _left_alone.get(client.path, 0.0):
        return False
    try:
        greeting = client.ping()
    except DaemonError as error:
        if error.code == "late":
            _left_alone[client.path] = time.monotonic() + _TRY_AGAIN_S
        raise
    return bool(greeting["ledger"] == os.path.realpath(place)) and "record.put" in greeting["methods"]


def keep(record: Record, folder: Path | None = None, *, tag: str | None = None) -> Kept:
    """Append ``record`` to the ledger in ``folder`` through its daemon, or here; see ``ledger.keep``.

    Raises:
        FormatError: it holds something that has no place in a ledger.
        UsageError: the tag may not be used.
        LedgerError: it could be neither appended nor spooled.
    """
    from reprofp import ledger  # noqa: PLC0415  brings the store

    place = _find_place(folder)
    with Client(deadline_s=_DEADLINE_S) as client:
        if os.path.exists(client.path):
            try:
                if _serves(client, place):
                    client.deadline_s = _KEEP_DEADLINE_S
                    return _put(client, record, tag)
            except (DaemonError, LedgerError):
                pass  # records are named by their content: to put one twice does no harm
    return ledger.keep(record, place, tag=tag)


def _put(client: Client, record: Record, tag: str | None) -> Kept:
    from reprofp.ledger import Kept  # noqa: PLC0415  brings the store
    from reprofp.ledger.files import pack_record  # noqa: PLC0415  brings the store
    from reprofp.wire import MAX_REQUEST_BYTES  # noqa: PLC0415  brings msgpack

    data = pack_record(record)
    if len(data) > MAX_REQUEST_BYTES - _ROOM:
        raise DaemonError(f"a record of {len(data)} bytes does not go through the daemon", "frame")
    (kept,) = client.put([data], tag)["kept"]
    return Kept(kept["id"], None if kept["spooled"] is None else Path(kept["spooled"]), kept["reason"])


def check_place(folder: Path | None = None) -> None:
    """Find out whether a record could be kept: by the daemon, in the ledger, or in its spool.

    Raises:
        LedgerError: none of them.
    """
    place = _find_place(folder)
    with Client() as client:
        try:
            if _serves(client, place):
                return
        except ReprofpError:
            pass
    from reprofp.ledger import spool  # noqa: PLC0415  brings the store

    spool.check_place(place)


class Session:
    """Questions to the daemon, or to the ledger where no daemon is; one thread at a time may use it.

    Records are given and returned as records; the other answers are maps, as docs/formats/wire.md has them.
    """

    def __init__(
        self,
        *,
        socket: str | os.PathLike[str] | None = None,
        ledger: Path | None = None,
        deadline_s: float = _DEADLINE_S,
    ) -> None:
        """Look for the daemon; no error where it is not there.

        Args:
            socket: The daemon's socket, if not the user's own; then its ledger counts, whichever it is.
            ledger: The ledger, if not the user's own.
            deadline_s: How many seconds a question may take the daemon before it is answered here.
        """
        self._is_named = socket is not None or "REPROFP_SOCKET" in os.environ
        self._place = _find_place(ledger)
        self._asks_for_place = ledger is not None or not self._is_named
        self._client = Client(None if socket is None else os.fspath(socket), deadline_s=deadline_s)
        self._blind_until = 0.0
        self._has_warned = False
        self._is_checked = False

    @property
    def is_connected(self) -> bool:
        """Whether a daemon of this ledger answers now."""
        try:
            return self._find_daemon()
        except ReprofpError:
            return False

    def _find_daemon(self) -> bool:
        if time.monotonic() < self._blind_until:
            return False
        if not self._is_checked:
            if not os.path.exists(self._client.path):
                if self._is_named:
                    raise DaemonError(f"there is no daemon at {self._client.path}; start it with `reprofp daemon`")
                self._blind_until = time.monotonic() + _TRY_AGAIN_S
                return False
            greeting = self._client.ping()
            if self._asks_for_place and greeting["ledger"] != os.path.realpath(self._place):
                self._blind_until = float("inf")
                return False
            self._is_checked = True
        return True

    def _ask(self, method: str, **params: Any) -> Any:
        try:
            if self._find_daemon():
                return self._client.ask(method, **params)
        except DaemonError as error:
            if error.code == "denied":
                raise
            self._warn(error)
        return self._answer_here(method, params)

    def _warn(self, error: DaemonError) -> None:
        self._blind_until, self._is_checked = time.monotonic() + _TRY_AGAIN_S, False
        if not self._has_warned:
            self._has_warned = True
            warnings.warn(f"reprofp goes on without its daemon: {error}", RuntimeWarning, stacklevel=4)

    def _answer_here(self, method: str, params: dict[str, Any]) -> Any:
        from reprofp.daemon.peers import Peer, own_uid  # noqa: PLC0415  only without a daemon
        from reprofp.daemon.service import Config, Service  # noqa: PLC0415  only without a daemon
        from reprofp.wire import Request  # noqa: PLC0415  brings msgpack

        service = Service(Config(self._place, own_uid()))
        try:
            return open_reply(service.handle(Request(method, params), Peer(own_uid())))
        finally:
            service.close()

    def put(self, record: Record, tag: str | None = None) -> Kept:
        """Store a record; it is durable when this returns.

        Raises:
            FormatError: it holds something that has no place in a ledger.
            UsageError: the tag may not be used.
            LedgerError: it could not be stored.
        """
        try:
            if self._find_daemon():
                return _put(self._client, record, tag)
        except DaemonError as error:
            if error.code == "denied":
                raise
            if error.code != "frame":
                self._warn(error)
        from reprofp import ledger  # noqa: PLC0415  only without a daemon

        return ledger.keep(record, self._place, tag=tag)

    def get(self, name: str) -> Record:
        """Return the record that a name stands for.

        Raises:
            NameNotFoundError: the name matches no record.
            AmbiguousNameError: it matches several.
        """
        from reprofp.ledger.files import unpack_record  # noqa: PLC0415  brings the store

        return unpack_record(self._ask("record.get", name=name)["record"])

    def resolve(self, name: str) -> str:
        """Return the id that a name stands for.

        Raises:
            NameNotFoundError: the name matches no record.
            AmbiguousNameError: it matches several.
        """
        return str(self._ask("resolve", name=name)["id"])

    def log(self, **narrowing: Any) -> list[dict[str, Any]]:
        """Return records in short, the newest first: ``kind``, ``limit``, ``before``, ``since_ns``, ``until_ns``, ``tag``."""
        return list(self._ask("log", **narrowing)["records"])

    def compare(
        self,
        a: str | Record,
        b: str | Record,
        *,
        require: str | None = None,
        vary: Sequence[str] = (),
        ignore: Sequence[str] = (),
        accept_measured: bool = False,
    ) -> dict[str, Any]:
        """Return the ``answer`` (0 yes, 1 no, 2 undecided, None without ``require``) and the ``verdict`` on two records."""
        request = {"vary": list(vary), "ignore": list(ignore), "accept_measured": accept_measured}
        answer: dict[str, Any] = self._ask("compare", a=_give(a), b=_give(b), require=require, **request)
        return answer

    def check(
        self,
        baseline: str | Record,
        now: str | Record,
        *,
        require: str = "bitwise",
        strict: bool = False,
        vary: Sequence[str] = (),
        ignore: Sequence[str] = (),
        accept_measured: bool = False,
    ) -> dict[str, Any]:
        """Return whether anything is in the way of repeating a baseline: its ``answer`` and ``verdict``."""
        request = {"vary": list(vary), "ignore": list(ignore), "accept_measured": accept_measured, "strict": strict}
        answer: dict[str, Any] = self._ask(
            "check", baseline=_give(baseline), now=_give(now), require=require, **request
        )
        return answer

    def comparable_with(
        self, record: str | Record, *, require: str = "statistical", limit: int = 20
    ) -> list[dict[str, Any]]:
        """Return in short the records, of the nearest hundred, that may be compared with one."""
        return list(self._ask("comparable_with", name=_give(record), require=require, limit=limit)["records"])

    def drift(
        self, baseline: str | Record, *, after: int | None = None, require: str = "statistical", wait_s: float = 0.0
    ) -> dict[str, Any]:
        """Tell which records after a leaf the level is not certain for, beside a baseline; see docs/formats/wire.md.

        ``wait_s`` waits for one to come, up to a second less than the deadline; without a daemon nothing is waited for.
        """
        wait_ms = int(1000 * max(0.0, min(wait_s, self._client.deadline_s - 1)))
        answer: dict[str, Any] = self._ask(
            "drift", baseline=_give(baseline), after=after, require=require, wait_ms=wait_ms
        )
        return answer

    def close(self) -> None:
        """Close the connection; the next question makes another."""
        self._client.close()

    def __enter__(self) -> Session:  # noqa: PYI034  typing.Self needs Python 3.11
        """Return the session itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self.close()


def _give(named: str | Record) -> str | bytes:
    if isinstance(named, str):
        return named
    from reprofp.ledger.files import pack_record  # noqa: PLC0415  brings the store

    return pack_record(named)
