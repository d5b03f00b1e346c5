"""The processes of a run as a family: which of them told of themselves, and which are alike.

In: the reports of a run. Out: the first process, groups of the others, and in every report the processes that it
started and that nobody described. Guaranteed: neither the order in which processes ended nor, among the workers
of a pool, who did which task changes what comes out.

A start counts as observed if exactly one process says that it comes from it, and that process reported at its end.
The others stay counted by name, and what they did is not known.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reprofp.hooks.merging import merge_reports
from reprofp.hooks.reports import Report
from reprofp.probes.env_classes import EnvClass, load_classes

__all__ = ["Group", "find_first", "group_reports", "name_role", "settle_starts"]

_ORDERED = frozenset({"pool", "executor", "loader"})
"""Workers whose results come back in the order in which they were asked for, whatever the order of their ends."""
_ALIKE = ("python", "executable", "prefix", "cwd", "affinity", "floating_point", "role")
"""What is the same in all processes of a group."""
_FORKSERVER = "multiprocessing-forkserver"
_COUNTED = ("fork", "multiprocessing")


@dataclass(frozen=True)
class Group:
    """Processes that are alike but for their tasks."""

    role: str
    """Script, rank and order of birth."""
    reports: tuple[Report, ...]
    raw: dict[str, Any]
    """What they reported, merged."""

    def merge_again(self) -> Group:
        """Return the group with what its members say now."""
        return replace(self, raw=merge_reports([report.raw or {} for report in self.reports]))


def find_first(reports: Sequence[Report]) -> Report | None:
    """Return the report of the command itself, or of what it became by exec; None where that is not one Python."""
    roots = [report for report in reports if not report.token]
    if len(roots) != 1:
        return None
    first, by_token = roots[0], _index(reports)
    while first.raw is not None and first.raw.get("exit") == "exec" and first.raw.get("hooked"):
        became = by_token.get(f"{first.name}_{first.raw['hooked'][-1][0]}", [])
        if len(became) != 1:
            break
        first = became[0]
    return first


def _index(reports: Iterable[Report]) -> dict[str, list[Report]]:
    by_token: dict[str, list[Report]] = defaultdict(list)
    for report in reports:
        if report.token:
            by_token[report.token].append(report)
    return by_token


def name_role(raw: Mapping[str, Any] | None, default: str) -> str:
    """Name the script that a process ran, and what it was to the process that started it."""
    argv, role = (raw or {}).get("argv"), (raw or {}).get("role")
    script = os.path.basename(argv[0]) if isinstance(argv, list) and argv else ""
    name = os.fsencode(script).decode("utf-8", "backslashreplace") or default
    return name if role in (None, "program") else f"{name}+{role}"


# --- what was started ----------------------------------------------------------------------------------------


def settle_starts(reports: Sequence[Report], described: Collection[Report]) -> None:
    """Leave in each report the processes of which nobody told; ``described`` are those that became part of the record."""
    by_token, known = _index(reports), {id(report) for report in described}
    for report in reports:
        if report.raw is not None and isinstance(report.raw.get("audit"), dict):
            _settle(report.raw, report.name, by_token, known)


def _settle(raw: dict[str, Any], name: str, by_token: Mapping[str, list[Report]], known: set[int]) -> None:
    audit = raw["audit"]
    heard: dict[str, int] = {kind: count for kind, count in (audit.get("subprocesses") or {}).items() if count > 0}
    missing, beside, served = dict(heard), set(), 0
    for number, kind, has_others in raw.get("hooked") or ():
        told = [item for item in by_token.get(f"{name}_{number}", ()) if id(item) in known]
        if len(told) != 1 or told[0].raw is None:
            continue
        missing[kind] = missing.get(kind, 0) - 1
        role = str(told[0].raw.get("role"))
        beside |= {role} if has_others and role not in _ORDERED else set()
        served += _count_made(kind, told[0].raw)
    audit["started"] = sum(heard.values())
    audit["subprocesses"] = {kind: count for kind, count in missing.items() if count > 0}
    audit["beside"] = sorted(beside)
    _settle_traces(raw, heard, served)


def _count_made(kind: str, raw: Mapping[str, Any]) -> int:
    """Count the processes of multiprocessing that a start stands for, beside those that are counted by their names."""
    if kind == _FORKSERVER:  # those that it made, whether they told of themselves or not
        return sum(name == "fork" for _number, name, _others in raw.get("hooked") or ())
    return int(kind not in _COUNTED and raw.get("role") not in ("program", "fork"))


def _settle_traces(raw: dict[str, Any], heard: Mapping[str, int], served: int) -> None:
    """Leave of what a process and the kernel keep of its children only what no start explains."""
    traces = raw.get("children")
    if isinstance(traces, dict) and "error" not in traces:
        explained = sum(heard.get(kind, 0) for kind in _COUNTED) + served
        unheard = max(0, int(traces.get("multiprocessing") or 0) - explained)
        raw["children"] = {"waited": bool(traces.get("waited")) and not heard, "multiprocessing": unheard}


# --- who is alike --------------------------------------------------------------------------------------------


@dataclass
class _Forming:
    """A group while its members are found."""

    place: str
    members: list[Report]
    loaded: dict[str, str]


def group_reports(reports: Iterable[Report], first: Mapping[str, Any] | None = None) -> list[Group]:
    """Merge the processes that reported and are alike, in the order in which the first of each group was born.

    The run's ``first`` process is no member, and has the first number of its role.
    """
    found: dict[str, list[_Forming]] = defaultdict(list)
    for report in reports:
        if report.raw is not None:
            _add(report, report.raw, found)
    born: dict[str, int] = {} if first is None else {_name_place(first): 0}
    groups = []
    for forming in sorted(
        (item for items in found.values() for item in items), key=lambda item: item.members[0].time_ns
    ):
        number = born[forming.place] = born.get(forming.place, -1) + 1
        merged = merge_reports([item.raw or {} for item in forming.members])
        groups.append(Group(f"{forming.place}/{number}", tuple(forming.members), merged))
    return groups


def _add(report: Report, raw: Mapping[str, Any], found: dict[str, list[_Forming]]) -> None:
    """Add a report to the first group that it is like: what both have loaded has the same settings in both."""
    place, loaded = _name_place(raw), _list_loaded(raw)
    forming = found[place + _describe_likeness(raw)]
    for group in forming:
        if all(group.loaded.get(name, state) == state for name, state in loaded.items()):
            group.members.append(report)
            group.loaded.update(loaded)
            return
    forming.append(_Forming(place, [report], loaded))


def _name_place(raw: Mapping[str, Any]) -> str:
    environ = raw.get("environ_start")
    rank = str(environ.get("RANK", "")) if isinstance(environ, dict) else ""
    return f"{name_role(raw, 'python')}/{rank if rank.isdigit() else 0}"


def _describe_likeness(raw: Mapping[str, Any]) -> str:
    """Write what the processes of one group have in common."""
    ended = raw.get("exit") == "exec"
    parts = [{name: raw.get(name) for name in _ALIKE}, ended, _list_known(raw.get("environ")), _find_stdin(raw)]
    return json.dumps(parts, sort_keys=True)


def _list_loaded(raw: Mapping[str, Any]) -> dict[str, str]:
    """Write the settings of what a process has loaded: a worker that got no task may have loaded less than others."""
    loaded = {"numpy": raw["numpy"]} if raw.get("numpy") else {}
    pools, frameworks = raw.get("thread_pools"), raw.get("frameworks")
    for item in pools if isinstance(pools, list) else ():
        loaded[f"threads {item.get('api')} {item.get('name')}"] = item
    for name, described in frameworks.items() if isinstance(frameworks, dict) else ():
        known = isinstance(described, dict)
        loaded[name] = {part: value for part, value in described.items() if part != "rng"} if known else described
    return {name: json.dumps(state, sort_keys=True) for name, state in loaded.items()}


def _list_known(environ: Any) -> Any:
    if not isinstance(environ, dict):
        return environ
    classes = load_classes()
    return {name: value for name, value in environ.items() if classes.classify(name) is EnvClass.KNOWN}


def _find_stdin(raw: Mapping[str, Any]) -> Any:
    """Tell standard inputs apart by what they lead to."""
    told = raw.get("stdin")
    return told[0][:2] if isinstance(told, list) and told and isinstance(told[0], list) else None
