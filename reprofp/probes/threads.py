"""The facet ``threads``: how many threads each runtime of the process would use, and on how many processors.

The raw observations of the process hold the affinity and the thread pools of its mapped libraries (see
reprofp._core.probing); these are the counts in force, after environment variables, affinity, control groups and
calls of the program. Here they become:

- ``affinity.count``: processors that the thread may run on (sched_getaffinity(2)).
- ``<api>.<library>.threads`` and, as far as the library tells, ``dynamic``, ``version``, ``core``, ``layer``, where api
  is "openmp", "openblas", "mkl" or "blis", and the library is named without version and hash. A second library
  of one name, a hazard in itself, is ``<name>#2``. A count that cannot be asked without starting the library is
  Unknown(not loaded yet).

Circumstance: ``threads.affinity``, the processors' numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reprofp._core.probing import library_name
from reprofp.model.observations import Observation, Observed, Unknown, UnknownCode
from reprofp.probes.base import Context, Report
from reprofp.probes.machine import FAILED, read_part

__all__ = ["ThreadsProbe"]

_APIS = ("openmp", "openblas", "mkl", "blis")
_DETAILS: Mapping[str, type[bool | str]] = {"dynamic": bool, "version": str, "core": str, "layer": str}


class ThreadsProbe:
    """Looks at the threads that the process reported."""

    name = "threads"
    version = 1

    def applies(self, context: Context) -> bool:
        """Whether a process is described: the counts are a process's, not the machine's."""
        return context.process is not None

    def observe(self, context: Context) -> Report:
        """Report the counts in force."""
        report = Report()
        _add_affinity(report, read_part(context, "affinity", list))
        _add_pools(report, read_part(context, "thread_pools", list))
        return report


def _add_affinity(report: Report, processors: list[Any] | Unknown) -> None:
    if isinstance(processors, Unknown):
        report.add("affinity", "count", fact=processors)
        return
    numbers = sorted({number for number in processors if type(number) is int and number >= 0})
    report.add("affinity", "count", fact=Observed(len(numbers)) if numbers else FAILED)
    report.circumstances["threads.affinity"] = numbers


def _add_pools(report: Report, pools: list[Any] | Unknown) -> None:
    """Where the pools are not known, silence below an api must not read as "no such library"."""
    if isinstance(pools, Unknown):
        for api in _APIS:
            report.add(api, fact=pools)
        return
    taken: dict[tuple[str, str], int] = {}
    for api, name, pool in sorted(filter(None, map(_read_pool, pools)), key=repr):
        taken[api, name] = taken.get((api, name), 0) + 1
        count = taken[api, name]
        _add_pool(report, api, name if count == 1 else f"{name}#{count}", pool)


def _read_pool(pool: Any) -> tuple[str, str, Mapping[str, Any]] | None:
    if not isinstance(pool, dict) or pool.get("api") not in _APIS or not isinstance(pool.get("name"), str):
        return None
    name = library_name(pool["name"])
    return pool["api"], name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"), pool


def _add_pool(report: Report, api: str, name: str, pool: Mapping[str, Any]) -> None:
    report.add(api, name, "threads", fact=_observe_threads(pool.get("threads")))
    for detail, kind in _DETAILS.items():
        value: Any = pool.get(detail)
        if type(value) is kind:
            report.observe(api, name, detail, value=value)


def _observe_threads(value: Any) -> Observation:
    if value is None:
        return Unknown(UnknownCode.NOT_LOADED)
    return Observed(value) if type(value) is int and value > 0 else FAILED
