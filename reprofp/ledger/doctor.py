"""What is wrong with a ledger, what that affects, and what to do. Nothing is changed.

In: the ledger's folder. Out: facts about it, problems with a remedy each, and the records that are damaged.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from reprofp.errors import LedgerError
from reprofp.ledger.checkpoints import KEY_NAME
from reprofp.ledger.folders import default_path, find_network_filesystem
from reprofp.ledger.rewriting import TEMPORARY
from reprofp.ledger.schema import FILE_NAME
from reprofp.ledger.store import Ledger

__all__ = ["Diagnosis", "Problem", "examine"]

_LARGE_LOG = 64 << 20
_SHOWN = 5
_PUT_BACK = "put the ledger back from a backup; keep the damaged folder until all is well"
_ASK_AS_OWNER = "ask again as a user who may read and write it: nothing here says that it is damaged"


@dataclass(frozen=True)
class Problem:
    """Something that is wrong, and what to do."""

    what: str
    remedy: str


@dataclass
class Diagnosis:
    """What was seen."""

    facts: dict[str, str | int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    """The ids of the records that are affected by damage."""

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def add(self, what: str, remedy: str) -> None:
        """Take down a problem."""
        self.problems.append(Problem(what, remedy))


def examine(folder: Path | None = None) -> Diagnosis:
    """Look at the ledger in ``folder`` (else the default one) from all sides."""
    place = default_path() if folder is None else folder
    found = Diagnosis({"folder": str(place)})
    checks: tuple[Callable[[Path, Diagnosis], None], ...] = (
        _check_place, _check_modes, _check_leftovers, _check_spool, _check_content,
    )  # fmt: skip
    for check in checks:
        _attempt(check, place, found)
    return found


def _attempt(check: Callable[[Path, Diagnosis], None], folder: Path, found: Diagnosis) -> None:
    try:
        check(folder, found)
    except OSError as error:
        found.add(
            f"{error.filename or folder}: {error.strerror or error}", "check the owner and the mode of the folder"
        )


def _check_place(folder: Path, found: Diagnosis) -> None:
    kind = find_network_filesystem(folder)
    if kind is not None:
        found.facts["file system"] = kind
        if (folder / FILE_NAME).exists():
            found.add(
                f"the ledger lies on a network file system ({kind}), where it is not written",
                "`reprofp ledger backup` copies it to a local disk, which REPROFP_HOME then names",
            )


def _check_modes(folder: Path, found: Diagnosis) -> None:
    for path in (folder, folder / FILE_NAME, folder / KEY_NAME):
        if not path.exists():
            continue
        if stat.S_IMODE(path.stat().st_mode) & 0o022:
            found.add(f"others may write {path}", f"`chmod go-w {path}`")
        if path.stat().st_uid not in (os.geteuid(), 0):
            found.add(f"{path} belongs to user {path.stat().st_uid}", "use a ledger of yours (REPROFP_HOME)")
    key = folder / KEY_NAME
    if key.exists() and stat.S_IMODE(key.stat().st_mode) & 0o077:
        found.add(f"others may read the signing key {key}", f"`chmod 600 {key}`, and sign with a new one if they did")


def _check_leftovers(folder: Path, found: Diagnosis) -> None:
    log = folder / (FILE_NAME + "-wal")
    if log.exists() and not (folder / FILE_NAME).exists():
        found.add(f"{FILE_NAME} is gone, and its log is there", "put the database back from a backup")
    if log.exists() and log.stat().st_size > _LARGE_LOG:
        found.add(f"the log {log} takes {log.stat().st_size} bytes", "close the programs that keep the ledger open")
    for path in (folder / (FILE_NAME + ".new"), folder / TEMPORARY):
        if path.exists():
            found.facts["left over"] = f"{path.name} (an interrupted command left it; the next writer removes it)"


def _check_spool(folder: Path, found: Diagnosis) -> None:
    spool = folder / "spool"
    waiting = sum(1 for path in spool.glob("*.record")) if spool.is_dir() else 0
    if waiting:
        found.facts["spooled"] = f"{waiting} records wait to be taken in (the next writer does it)"
    refused = sorted(spool.glob("*.damaged")) if spool.is_dir() else []
    if refused:
        found.add(
            f"{len(refused)} spooled records are damaged, {refused[0].name} for one", "look at them; none is lost"
        )


def _check_content(folder: Path, found: Diagnosis) -> None:
    try:
        with Ledger.open(folder, read_only=True) as ledger:
            report = ledger.verify()
    except LedgerError as error:
        denied = any(not os.access(path, os.R_OK | os.W_OK) for path in (folder, folder / FILE_NAME))
        found.add(str(error), _ASK_AS_OWNER if denied else _PUT_BACK)
        return
    found.facts |= {"records": report.records, "objects": report.objects, "root": report.root.hex()}
    found.damaged = report.damaged
    if not report.is_ok:
        shown = "; ".join(str(item) for item in report.findings[:_SHOWN])
        more = f"; and {len(report.findings) - _SHOWN} more" if len(report.findings) > _SHOWN else ""
        found.add(
            f"{len(report.findings)} places are damaged: {shown}{more}",
            "put the ledger back from a backup, or save what can be read: `reprofp ledger export saved.tar.zst"
            " --skip-damaged`, move the folder away, `reprofp ledger import saved.tar.zst --tags`",
        )
