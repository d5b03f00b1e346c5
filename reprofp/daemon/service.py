"""What the daemon answers, without a socket: ``Service.handle(request, peer) -> reply``.

In: a request and who asks. Out: a reply; no exception leaves ``handle`` but that of a disk that failed. Guaranteed:
the table in ``peers`` is asked before a method is; writing methods of many clients may be carried out together
(``prepare``, then ``commit``), and are answered when all is durable.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from reprofp import __version__
from reprofp.daemon.answers import Answers
from reprofp.daemon.books import Books, StorageFailedError
from reprofp.daemon.counters import Counters
from reprofp.daemon.owners import Owners
from reprofp.daemon.peers import ALLOWED, Access, May, Peer, Role, find_role
from reprofp.daemon.reads import READS, Asked
from reprofp.daemon.requests import Params
from reprofp.errors import (
    AmbiguousNameError,
    FormatError,
    InputError,
    LedgerError,
    NameNotFoundError,
    ReprofpError,
    UsageError,
)
from reprofp.ledger import Kept
from reprofp.ledger.parcels import Parcel
from reprofp.ledger.tags import check_tag_name
from reprofp.model.observations import Value
from reprofp.wire import Reply, Request

__all__ = ["METHODS", "Config", "Method", "Put", "Service"]


@dataclass(frozen=True, slots=True)
class Method:
    """What a method needs, and where it is carried out."""

    access: Access
    lane: str
    """``now`` costs microseconds, ``quick`` reads a little, ``slow`` judges records, ``write`` is committed in groups.

    ``wait`` judges records, too, and may be asked again until there is something to tell.
    """


METHODS: dict[str, Method] = {
    "ping": Method(Access.GREETING, "now"),
    "health": Method(Access.SUMMARY, "quick"),
    "metrics": Method(Access.ADMINISTRATION, "now"),
    "resolve": Method(Access.SUMMARY, "quick"),
    "log": Method(Access.SUMMARY, "quick"),
    "tags": Method(Access.SUMMARY, "quick"),
    "record.get": Method(Access.VALUES, "quick"),
    "record.put": Method(Access.WRITING, "write"),
    "compare": Method(Access.VALUES, "slow"),
    "check": Method(Access.VALUES, "slow"),
    "comparable_with": Method(Access.VALUES, "slow"),
    "drift": Method(Access.VALUES, "wait"),
    "warm.get": Method(Access.WRITING, "now"),
    "warm.put": Method(Access.WRITING, "now"),
}
"""All methods."""


@dataclass(frozen=True, slots=True)
class Config:
    """Whose daemon it is, and for whom."""

    folder: Path
    owner: int
    group: int | None = None
    is_shared: bool = False
    """Whether other local users may read summaries, and put and read records of their own."""


@dataclass(slots=True)
class Put:
    """Records of one client that wait to be stored, and then where they are."""

    peer: Peer
    records: list[Parcel]
    tag: str | None = None
    kept: list[Kept] = field(default_factory=list)


class DeniedError(ReprofpError):
    """The table says no."""


class Service:
    """The methods over one ledger."""

    def __init__(self, config: Config, books: Books | None = None) -> None:
        """Open nothing yet."""
        self.config = config
        self.books = Books(config.folder) if books is None else books
        self.owners = Owners(config.folder, config.owner, is_shared=config.is_shared)
        self.counters = Counters()
        self.answers = Answers()
        self._greeting: Value = {
            "daemon": __version__,
            "ledger": str(config.folder),
            "methods": sorted(METHODS),
            "uid": config.owner,
        }

    def handle(self, request: Request, peer: Peer) -> Reply:
        """Answer one request.

        Raises:
            StorageFailedError: the disk failed: nothing may be written any more.
        """
        method = METHODS.get(request.method)
        if method is not None and method.lane == "write":
            put = self.prepare(request, peer)
            return put if isinstance(put, Reply) else self.commit([put])[0]
        return self._answer(lambda: self._read(request, peer), request.method)

    def _answer(self, work: Callable[[], Value], name: str) -> Reply:
        try:
            reply = Reply(work())
        except StorageFailedError:
            raise
        except Exception as error:  # noqa: BLE001  a defect must not end the daemon for all
            reply = Reply(code=_find_code(error), text=_describe(error))
        self.counters.count_request(name if name in METHODS else "unknown", reply.code)
        return reply

    def _read(self, request: Request, peer: Peer) -> Value:
        method, may = self._allow(request.method, peer)
        if request.method == "ping":
            Params("ping", request.params).finish()
            return self._greeting
        if request.method == "metrics":
            Params("metrics", request.params).finish()
            return {"text": self.counters.write_text()}
        params = Params(request.method, request.params)
        if request.method == "warm.get":
            return {"values": self.answers.get(peer.uid, params)}
        if request.method == "warm.put":
            return {"values": self.answers.put(peer.uid, params)}
        with self.books.reading(method.lane) as (ledger, files):
            if request.method == "health":
                params.finish()
                return self._describe_health(len(ledger))
            sees = (lambda raw_id: self.owners.is_owner(peer.uid, raw_id)) if may is May.OWN else (lambda _: True)
            return READS[request.method](Asked(ledger, params, sees, files, self.owners.owned_by))

    def _describe_health(self, records: int) -> Value:
        return {
            "status": "ok",
            "daemon": __version__,
            "ledger": str(self.config.folder),
            "records": records,
            "uptime_s": int(time.monotonic() - self.counters.began),
            "clients": self.counters.clients,
        }

    def find_role(self, peer: Peer) -> Role:
        """Return what a peer is to this daemon."""
        config = self.config
        return find_role(peer, owner=config.owner, group=config.group, is_shared=config.is_shared)

    def _allow(self, name: str, peer: Peer) -> tuple[Method, May]:
        method = METHODS.get(name)
        if method is None:
            raise LookupError(f"there is no method {name[:80]!r}: there are {', '.join(sorted(METHODS))}")
        role = self.find_role(peer)
        may = ALLOWED.get((role, method.access), May.NOTHING)
        if may is May.NOTHING:
            raise DeniedError(f"user {peer.uid} may not ask for {name} here ({role.value}: {method.access.value})")
        return method, may

    def prepare(self, request: Request, peer: Peer) -> Put | Reply:
        """Read a request that writes; what is wrong with it is answered before it meets others."""
        found: list[Put] = []

        def read() -> None:
            self._allow(request.method, peer)
            params = Params(request.method, request.params)
            put = Put(peer, params.parcels("records"), params.text_or_none("tag"))
            params.finish()
            if put.tag is not None:
                self._check_tag(put, peer)
            found.append(put)

        try:
            read()
        except Exception as error:  # noqa: BLE001  a defect must not end the daemon for all
            self.counters.count_request(request.method, _find_code(error))
            return Reply(code=_find_code(error), text=_describe(error))
        return found[0]

    def _check_tag(self, put: Put, peer: Peer) -> None:
        if len(put.records) != 1:
            raise UsageError("record.put takes a tag for exactly one record")
        check_tag_name(put.tag or "")
        if ALLOWED.get((self.find_role(peer), Access.ADMINISTRATION)) is None:
            raise DeniedError(
                f"user {peer.uid} may not set tags here: they are for all, and set by whoever administers"
            )

    def commit(self, puts: Sequence[Put]) -> list[Reply]:
        """Store the records of several clients in one transaction, and answer each; one that is bad hurts no other.

        Raises:
            StorageFailedError: the disk failed: none is acknowledged.
        """
        began = time.perf_counter()
        try:
            self._store(puts)
        except StorageFailedError:
            raise
        except ReprofpError as error:
            if len(puts) > 1 and isinstance(error, FormatError):
                return [self.commit([put])[0] for put in puts]
            return [self._answer(_raiser(error), "record.put") for _ in puts]
        self.counters.count_group(sum(len(put.records) for put in puts), time.perf_counter() - began)
        return [self._answer(partial(self._acknowledge, put), "record.put") for put in puts]

    def _store(self, puts: Sequence[Put]) -> None:
        for put in puts:
            parts = [entry.raw_id for parcel in put.records for entry in parcel.entries]
            self.owners.note(put.peer.uid, parts)
        kept = iter(self.books.append([record for put in puts for record in put.records]))
        for put in puts:
            put.kept = [next(kept) for _ in put.records]

    def _acknowledge(self, put: Put) -> Value:
        if put.tag is not None:
            self.books.tag(put.tag, put.records[0], is_spooled=put.kept[0].spooled is not None)
        return {
            "kept": [
                {"id": kept.id, "reason": kept.reason, "spooled": None if kept.spooled is None else str(kept.spooled)}
                for kept in put.kept
            ]
        }

    def close(self) -> None:
        """Let go of the ledger."""
        self.books.close()
        self.owners.close()


def _raiser(error: Exception) -> Callable[[], Value]:
    def fail() -> Value:
        raise error

    return fail


_CODES: Mapping[type[Exception], str] = {
    DeniedError: "denied",
    UsageError: "usage",
    NameNotFoundError: "not-found",
    AmbiguousNameError: "ambiguous",
    FormatError: "format",
    InputError: "format",
    LedgerError: "ledger",
    LookupError: "method",
}


def _find_code(error: Exception) -> str:
    for kind, code in _CODES.items():
        if isinstance(error, kind) and (code != "method" or type(error) is LookupError):
            return code
    return "internal"


def _describe(error: Exception) -> str:
    if isinstance(error, (ReprofpError, LookupError)) and type(error) is not KeyError:
        return str(error)
    return f"a defect of the daemon: {type(error).__name__}: {error}"
