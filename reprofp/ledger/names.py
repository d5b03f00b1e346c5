"""What a person types for a record of a ledger: an id, a baseline, a prefix, ``@-1``.

In: the text. Out: the record's id, and a note where the choice deserves one. The order is: exact id,
baseline, unique prefix of 6 or more hex digits (with or without the kind); several matches are an error
that lists them. ``fp1:`` takes the newest record with that fingerprint, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from reprofp.errors import AmbiguousNameError, NameNotFoundError, UsageError
from reprofp.ledger.summaries import Filter, Summaries, Summary
from reprofp.ledger.tags import Tags
from reprofp.model.ids import ID_KINDS, format_id, parse_id

__all__ = ["resolve"]

_HEX_DIGITS = 64
_SHORTEST = 6
_LISTED = 10
_PREFIX = re.compile(r"(?:([a-z]{2}[0-9]+):)?([0-9a-fA-F]{1,64})")
_NEWEST = re.compile(r"@-([0-9]{1,9})")

Found = tuple[str, bytes, "str | None"]


def resolve(text: str, summaries: Summaries, tags: Tags, place: Path) -> Found:
    """Return the kind, the raw id and perhaps a note for ``text``; see ``Ledger.resolve``.

    Raises:
        NameNotFoundError: nothing has that name.
        AmbiguousNameError: several records do.
        UsageError: ``text`` cannot be a name.
    """
    if text.startswith("@"):
        return _resolve_position(text, summaries, place)
    leaf = tags.find(text)
    if leaf is not None and (tagged := summaries.find(leaf)) is not None:
        return _hand_on(tagged)
    match = _PREFIX.fullmatch(text)
    if match is None:
        raise NameNotFoundError(
            f"no record is called {text!r}: the ledger in {place} has no such tag{_suggest(text, tags)},"
            " and it is no id, prefix of one, or file"
        )
    return _resolve_prefix(text, match.group(1), match.group(2).lower(), summaries, place)


def _hand_on(found: Summary, note: str | None = None) -> Found:
    return (*parse_id(found.id), note)


def _suggest(text: str, tags: Tags) -> str:
    import difflib  # noqa: PLC0415  only a mistake needs it

    close = difflib.get_close_matches(text, tags.read_leaves(), n=3)
    return f" (did you mean {', '.join(close)}?)" if close else ""


def _resolve_position(text: str, summaries: Summaries, place: Path) -> Found:
    match = _NEWEST.fullmatch(text)
    if match is None or int(match.group(1)) < 1:
        raise UsageError(f"{text!r} names no record: @-1 is the newest record, @-2 the one before it, and so on")
    found = summaries.find_newest(int(match.group(1)))
    if found is None:
        count = sum(1 for _ in summaries.walk(Filter()))
        raise NameNotFoundError(f"there is no record {text}: the ledger in {place} has {count}")
    return _hand_on(found)


def _resolve_prefix(text: str, kind: str | None, digits: str, summaries: Summaries, place: Path) -> Found:
    _refuse_unusable(text, kind, digits)
    low, high = (bytes.fromhex(digits.ljust(_HEX_DIGITS, end)) for end in "0f")
    records = [] if kind == "fp1" else summaries.find_prefix(kind, low, high)
    fingerprints = summaries.find_fingerprints(low, high) if kind in (None, "fp1") else []
    if len(records) + len(fingerprints) > 1:
        raise AmbiguousNameError(_list_matches(text, records, fingerprints))
    if records:
        return _hand_on(records[0])
    if fingerprints:
        return _take_newest(fingerprints[0], summaries)
    raise NameNotFoundError(f"no record is called {text!r} in the ledger in {place}; `reprofp log` lists its records")


def _refuse_unusable(text: str, kind: str | None, digits: str) -> None:
    if kind is not None and kind not in ("sn1", "rn1", "fp1"):
        what = ID_KINDS.get(kind, "of a kind that this version does not know")
        raise NameNotFoundError(f"{text!r} names no record: it is {what}; a record is sn1:, rn1: or fp1:")
    if len(digits) < _SHORTEST:
        raise NameNotFoundError(
            f"no record is called {text!r}: it is no tag, and too short for the beginning of an id"
            f" ({_SHORTEST} hex digits or more)"
        )


def _take_newest(raw_fingerprint: bytes, summaries: Summaries) -> Found:
    wanted = Filter(parts=True, fingerprint=("fp1", raw_fingerprint))
    found = list(summaries.walk(wanted, limit=2))
    name = format_id("fp1", raw_fingerprint)[:16]
    if not found:
        raise NameNotFoundError(f"no record has the fingerprint {name}")
    which = "the newest record" if len(found) > 1 else "the only record"
    return _hand_on(found[0], f"{name} is a fingerprint: taken is {which} with it, {found[0].id[:16]}")


def _list_matches(text: str, records: Sequence[Summary], fingerprints: Sequence[bytes]) -> str:
    lines = [f"  {found.id}  {_format_time(found.time_ns)}  {found.role}".rstrip() for found in records]
    lines += [f"  {format_id('fp1', raw)}  a fingerprint" for raw in fingerprints]
    count = len(lines)
    if count > _LISTED:
        lines[_LISTED:] = [f"  and {count - _LISTED} more"]
    return "\n".join([f"{text!r} is the beginning of {count} ids; write more digits of the one you mean:", *lines])


def _format_time(time_ns: int) -> str:
    try:
        moment = datetime.fromtimestamp(time_ns // 1_000_000_000, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return f"{time_ns} ns"
    return moment.strftime("%Y-%m-%d %H:%M:%SZ")
