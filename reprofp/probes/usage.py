"""The facet ``usage``: what the run really touched.

What the memory map and the loaded modules show is complete; what the audit heard is a lower bound, since
native code raises no audit events: ``native_readers`` names the loaded modules that read files so. Where
no audit ran (a snapshot that a process takes of itself), what only it could tell is Unknown.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from reprofp.model.observations import Observation, Observed, Unknown
from reprofp.model.schema import Phase
from reprofp.probes.base import Context, Report
from reprofp.probes.code import find_sources
from reprofp.probes.command import EntryKind, split_command
from reprofp.probes.elf import read_elf
from reprofp.probes.files import to_bytes, to_text
from reprofp.probes.machine import DENIED, FAILED, NOT_ASKED, absent_unless, read_part
from reprofp.probes.native_readers import find_native_readers
from reprofp.probes.sources import list_calls

__all__ = ["UsageProbe"]

_NOTABLE = frozenset(
    "asyncio concurrent ctypes multiprocessing random secrets sqlite3 subprocess threading uuid".split()  # noqa: SIM905
)
"""Modules of the standard library that rules ask for: parallelism, randomness, other programs."""
_DRAWS = ("entropy", "entropy_at_import", "moved_at_import")
"""Who drew entropy, who while a package was imported, and what moved Python's global generator then."""
_INSTALLERS = ("__", "_editable_")
"""What installers put into the path to find a package by, rather than a package."""
_KERNELS = frozenset({"ipykernel", "ipykernel_launcher", "colab_kernel_launcher", "marimo"})
"""What runs code that comes from no file."""
_NOT_IMPORTED = frozenset({"__main__", "__mp_main__", "reprofp", "sitecustomize", "usercustomize"})
_EXTENSION = re.compile(r"\.(cpython-|abi3\.|pypy)|/lib-dynload/")
_GPU_DRIVERS = ("libcuda.so", "libhsa-runtime64.so", "libze_intel_gpu.so")
_SYSTEM = ("/proc/", "/sys/", "/dev/", "/etc/", "/usr/lib/", "/usr/share/")


class UsageProbe:
    """Reports modules, libraries, draws of entropy, listings, network and subprocesses."""

    name = "usage"
    version = 1
    waits = True

    def applies(self, context: Context) -> bool:
        """Whether there is a process that could touch anything."""
        return context.process is not None

    def observe(self, context: Context) -> Report:
        """Report what was touched."""
        report = Report()
        _add_modules(report, context)
        _add_libraries(report, read_part(context, "libraries", list))
        if context.phase is Phase.END:
            _add_own(report, read_part(context, "own", dict))
        for name in _DRAWS:
            _add_draws(report, name, (context.process or {}).get(name))
        _add_calls(report, context)
        audit = (context.process or {}).get("audit")
        if isinstance(audit, dict):
            _add_audit(report, audit, context)
        else:
            report.observe("audit", value=False)
            for name in ("listing", "listed", "network", "subprocesses", "processes"):
                report.add(name, fact=NOT_ASKED)
        return report


def _add_modules(report: Report, context: Context) -> None:
    modules = read_part(context, "modules", dict)
    if isinstance(modules, Unknown):
        report.add("modules", fact=modules)
        report.add("native_readers", fact=modules)
        return
    for name in sorted(_find_imports(modules) - (_find_own(context) - _NOTABLE)):
        report.observe("modules", to_text(name), value=True)
    report.observe("native_readers", value=find_native_readers(modules))


def _find_own(context: Context) -> set[str]:
    """Return the program's own modules, which are searched as its sources are."""
    try:
        return set(find_sources(context))
    except (OSError, ValueError):
        return set()


def _find_imports(modules: Mapping[str, Any]) -> set[str]:
    """Return the top-level names that have files, without the standard library but for a few."""
    tops = {name.partition(".")[0] for name, file in modules.items() if file or name in _NOTABLE} - _NOT_IMPORTED
    foreign = {name for name in tops if name not in sys.stdlib_module_names and not name.startswith(_INSTALLERS)}
    return {name for name in foreign if not _is_stdlib_file(modules.get(name))} | (tops & _NOTABLE)


def _is_stdlib_file(file: Any) -> bool:
    """Whether a module of another Python's standard library: its files lie in no folder of packages."""
    return isinstance(file, str) and bool(re.search(r"/lib(64)?/(python|pypy)3[^/]*/(?!.*-packages/)", file))


def _add_libraries(report: Report, libraries: list[Any] | Unknown) -> None:
    if isinstance(libraries, Unknown):
        report.add("libraries", fact=libraries)
        report.add("gpu", fact=libraries)
        return
    items = [item for item in libraries if isinstance(item, dict) and isinstance(item.get("path"), str)]
    copies: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for item in items:
        base = os.path.basename(item["path"])
        if ".so" in base and not _EXTENSION.search(item["path"]) and not item["path"].startswith("/dev/"):
            copies[to_text(base)].append(item)
    for base, found in copies.items():
        report.add("libraries", base, "build_id", fact=_merge([_observe_build_id(item) for item in found]))
    used = any(os.path.basename(item["path"]).startswith(_GPU_DRIVERS) for item in items)
    report.observe("gpu", value=used)


def _add_own(report: Report, own: dict[str, Any] | Unknown) -> None:
    """What reprofp brought into the process first is Unknown: the program may have come to use it as well.

    Before the end, silence says no more than "not so far", and what reprofp brought would only make one
    snapshot of a process differ from the next.
    """
    if isinstance(own, Unknown):
        return
    for name in _find_imports(dict.fromkeys(_read_names(own.get("modules")), "?")):
        report.facts.setdefault(("modules", to_text(name)), NOT_ASKED)
    for path in _read_names(own.get("libraries")):
        if ".so" in os.path.basename(path) and not _EXTENSION.search(path):
            report.facts.setdefault(("libraries", to_text(os.path.basename(path))), NOT_ASKED)


def _read_names(part: Any) -> list[str]:
    return [name for name in part if isinstance(name, str)] if isinstance(part, list) else []


def _observe_build_id(item: Mapping[str, Any]) -> Observation:
    """A file that was replaced since it was mapped is not what runs."""
    if item.get("deleted"):
        return FAILED
    try:
        return absent_unless(read_elf(item["path"]).build_id)
    except PermissionError:
        return DENIED
    except (OSError, ValueError):
        return FAILED


def _merge(copies: list[Observation]) -> Observation:
    """Make one fact of several libraries of one name: their build-ids, where they differ."""
    unknown = [copy for copy in copies if isinstance(copy, Unknown)]
    if unknown or len(copies) == 1:
        return (unknown or copies)[0]
    ids = sorted({str(copy.value) if isinstance(copy, Observed) else "" for copy in copies})
    return copies[0] if len(ids) == 1 else Observed(ids)


def _add_calls(report: Report, context: Context) -> None:
    """What the program's own sources ask of the world that no two runs need give alike.

    The cells of a notebook are in no file that a kernel loaded.
    """
    modules = (context.process or {}).get("modules")
    if isinstance(modules, dict) and not _KERNELS.isdisjoint(modules):
        report.add("calls", fact=NOT_ASKED)
        return
    try:
        files, given = find_sources(context), _find_given_code(context)
        found = list_calls(files, context.environ, given, warm=context.warm)
    except (OSError, ValueError):
        report.add("calls", fact=FAILED)
        return
    if files or given:  # what came through a pipe, or was typed, was not looked at
        report.observe("asks", value=True)
    for kind, names in found.items():
        report.observe("calls", kind, value=names)


def _find_given_code(context: Context) -> list[bytes]:
    """Return the code that Python was given as an argument."""
    words = (context.process or {}).get("orig_argv")
    command = split_command([str(word) for word in words] if isinstance(words, list) else [])
    return [to_bytes(command.entry)] if command.kind is EntryKind.CODE else []


def _add_draws(report: Report, fact: str, draws: Any) -> None:
    if not isinstance(draws, list):
        report.add(fact, fact=NOT_ASKED)
        return
    for draw in draws:
        report.observe(fact, to_text(draw["module"]), value=int(draw["count"]))


def _add_audit(report: Report, audit: Mapping[str, Any], context: Context) -> None:
    """What was heard after the listener's memory was full is not known."""
    report.add("audit", fact=FAILED if audit.get("truncated") else Observed(value=True))
    listings = audit.get("listings") or []
    for fact, place in (("listing", 3), ("listed", 4)):
        for name, orders in _find_orders(listings, str(context.cwd), place).items():
            report.add(fact, name, fact=_join_orders(orders))
    connects = audit.get("connects") or {}
    report.observe("network", value=bool(connects.get("inet") or connects.get("lookup")))
    _add_subprocesses(
        report, audit.get("subprocesses") or {}, read_part(context, "children", dict), audit.get("started")
    )
    for role in audit.get("beside") or ():
        report.observe("concurrent", to_text(role), value=True)
    _add_family(report, context.process or {})


def _find_orders(listings: Iterable[Any], cwd: str, place: int) -> dict[str, list[str | None]]:
    """Return the digests of each folder that was listed, by its path below ``cwd`` or its base name: those at one place."""
    found: dict[str, list[str | None]] = {}
    for path, *entry in listings:
        order = entry[place - 1] if place <= len(entry) else None
        normal = os.path.normpath(path)
        if "-packages" in normal or f"{normal}/".startswith(_SYSTEM) or _is_stdlib_file(normal + "/"):
            continue
        inside = normal == cwd or normal.startswith(os.path.join(cwd, ""))
        name = to_text(os.path.relpath(normal, cwd) if inside else os.path.basename(normal) or "/")
        found.setdefault(name, []).append(order)
    return found


def _join_orders(orders: list[str | None]) -> Observation:
    """Return the order of one folder; folders of one base name have theirs together, as they were listed."""
    known = [order for order in orders if order is not None]
    if len(known) < len(orders):
        return FAILED
    return Observed(known[0] if len(known) == 1 else f"sha256:{hashlib.sha256(' '.join(known).encode()).hexdigest()}")


def _add_subprocesses(
    report: Report, heard: Mapping[str, int], children: dict[str, Any] | Unknown, started: int | None
) -> None:
    """Add processes of which nobody told, and those that only left traces: spawn and native code raise no event."""
    traces = {} if isinstance(children, Unknown) else children
    explained = 0 if started is not None else int(heard.get("fork", 0))
    spawned = max(0, int(traces.get("multiprocessing", 0)) - explained)
    total = (sum(heard.values()) if started is None else started) + spawned
    report.observe("subprocesses", value=max(total, int(bool(traces.get("waited")))))
    if traces.get("waited") and not total:
        report.observe("processes", "unheard", value=1)
    for name, count in heard.items():
        report.observe("processes", to_text(name), value=count)
    if spawned:
        report.observe("processes", "multiprocessing", value=spawned)


def _add_family(report: Report, process: Mapping[str, Any]) -> None:
    """Add for how many processes the facts stand, and the fingerprints of the others that told of themselves."""
    alike, family = process.get("alike"), process.get("family")
    if isinstance(alike, int) and alike > 1:
        report.observe("alike", value=alike)
    for role, fingerprint in family.items() if isinstance(family, dict) else ():
        report.add("children", to_text(role), fact=Observed(fingerprint) if fingerprint else FAILED)
