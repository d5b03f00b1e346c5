"""One report for many processes that are alike: what any of them did, and a digest of who did what.

Of what they read, loaded and drew the merged report has the union and the sums, which do not depend on which
worker took which task. States of random generators become a digest of all of them, in no order. Programs that
were given arguments of their own are told apart by them: which arguments went with which files is in the digest
``tasks``, so that two runs in which the same pieces were combined otherwise are not alike.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from reprofp.probes.redaction import redact_argv

__all__ = ["merge_reports"]

_FAILED = {"error": "failed"}


def merge_reports(raws: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what stands for all of ``raws``; a single one stands for itself."""
    if len(raws) == 1:
        return raws[0]
    merged = {**raws[0], "alike": len(raws)}
    for name, merge in _MERGES.items():
        merged[name] = merge([raw.get(name) for raw in raws])
    merged["frameworks"] = _merge_frameworks([raw.get("frameworks") for raw in raws])
    merged["numpy"] = next((raw["numpy"] for raw in raws if raw.get("numpy")), None)
    merged["numerics"] = next((raw["numerics"] for raw in raws if raw.get("numerics")), None)
    if any(raw.get("orig_argv") != raws[0].get("orig_argv") for raw in raws):
        merged["tasks"] = _digest(sorted(map(_describe_task, raws)))
        merged["argv"], merged["orig_argv"] = _cut(raws[0], "argv", 1), _cut_command(raws[0])
    return merged


def _digest(value: Any) -> str:
    return f"sha256:{hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()}"


def _cut(raw: Mapping[str, Any], name: str, length: int) -> Any:
    words = raw.get(name)
    return words[:length] if isinstance(words, list) else words


def _cut_command(raw: Mapping[str, Any]) -> Any:
    """Return the words up to the script, without its arguments."""
    words, own = raw.get("orig_argv"), raw.get("argv")
    if not isinstance(words, list) or not isinstance(own, list):
        return words
    return words[: max(1, len(words) - max(0, len(own) - 1))]


def _describe_task(raw: Mapping[str, Any]) -> list[Any]:
    """Write what a process was given, without secrets, and which files it opened."""
    cwd, words = os.path.join(str(raw.get("cwd") or ""), ""), raw.get("orig_argv")
    audit = raw.get("audit")
    opens = audit.get("opens", ()) if isinstance(audit, dict) else ()
    names = sorted({str(item[0]).removeprefix(cwd) for item in opens if item[1] and item[5] is not None})
    return [redact_argv(words[1:]) if isinstance(words, list) else [], names if raw.get("role") == "program" else []]


# --- parts ---------------------------------------------------------------------------------------------------


def _is_failed(part: Any) -> bool:
    return not isinstance(part, (dict, list)) or (isinstance(part, dict) and part.keys() == {"error"})


def _merge_maps(parts: Sequence[Any]) -> Any:
    """Unite mappings; of two values for one name the first counts."""
    if any(map(_is_failed, parts)):
        return next(part for part in parts if _is_failed(part))
    return {name: value for part in reversed(parts) for name, value in part.items()}


def _merge_libraries(parts: Sequence[Any]) -> Any:
    if any(map(_is_failed, parts)):
        return next(part for part in parts if _is_failed(part))
    found = {item["path"]: item for part in reversed(parts) for item in part}
    return [found[path] for path in sorted(found)]


def _merge_draws(parts: Sequence[Any]) -> Any:
    if not all(isinstance(part, list) for part in parts):
        return None
    counts = _add([{item["module"]: item["count"] for item in part} for part in parts])
    return [{"module": module, "count": count} for module, count in counts.items()]


def _add(tables: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for table in tables:
        for name, count in table.items():
            total[name] = total.get(name, 0) + count
    return total


def _merge_states(parts: Sequence[Any]) -> Any:
    """Merge what is told of generators: equal parts stay, states become one digest over all of them."""
    if all(part == parts[0] for part in parts):
        return parts[0]
    if not all(isinstance(part, dict) for part in parts):
        return _FAILED
    if any("error" in part for part in parts):
        return next(part for part in parts if "error" in part)
    if all("touched" in part for part in parts):
        states = sorted(str(part.get("state")) if part["touched"] else "" for part in parts)
        return {**parts[0], "state": _digest(states), "touched": any(part["touched"] for part in parts)}
    names = sorted({name for part in parts for name in part})
    return {name: _merge_states([part.get(name) for part in parts]) for name in names}


def _merge_frameworks(parts: Sequence[Any]) -> Any:
    """Unite frameworks, which are alike but for their generators."""
    merged = _merge_maps(parts)
    if _is_failed(merged):
        return merged
    for name, described in merged.items():
        states = [part[name]["rng"] for part in parts if isinstance(part.get(name), dict) and "rng" in part[name]]
        if isinstance(described, dict) and states:
            merged[name] = {**described, "rng": _merge_states(states)}
    return merged


def _merge_pools(parts: Sequence[Any]) -> Any:
    if any(map(_is_failed, parts)):
        return next(part for part in parts if _is_failed(part))
    found = {(str(item.get("api")), str(item.get("name"))): item for part in parts for item in part}
    return [found[key] for key in sorted(found)]


def _merge_children(parts: Sequence[Any]) -> Any:
    if any(map(_is_failed, parts)):
        return next(part for part in parts if _is_failed(part))
    waited = any(part.get("waited") for part in parts)
    return {"waited": waited, "multiprocessing": sum(int(part.get("multiprocessing") or 0) for part in parts)}


def _merge_audits(parts: Sequence[Any]) -> Any:
    """Unite what was heard; a process that was not heard makes the whole unheard."""
    if not all(isinstance(part, dict) for part in parts):
        return None
    counts = {name: _add([part.get(name) or {} for part in parts]) for name in ("connects", "subprocesses", "dlopens")}
    return {
        **counts,
        "opens": _merge_opens([item for part in parts for item in part.get("opens") or ()]),
        "listings": _merge_listings([item for part in parts for item in part.get("listings") or ()]),
        "inputs": sum(part.get("inputs") or 0 for part in parts),
        "truncated": any(part.get("truncated") for part in parts),
        "started": sum(part.get("started") or 0 for part in parts),
        "beside": sorted({role for part in parts for role in part.get("beside") or ()}),
    }


def _merge_opens(items: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """Keep of each file what identified it at first, and all that was done with it."""
    found: dict[str, list[Any]] = {}
    for path, reads, writes, count, time_ns, identity in sorted(items, key=lambda item: (item[0], item[4])):
        entry = found.setdefault(path, [path, False, False, 0, time_ns, identity])
        entry[1:4] = [entry[1] or reads, entry[2] or writes, entry[3] + count]
        if reads and entry[5] not in (None, identity):
            entry[5] = [0, 0, 0, 0, 0]  # what was read was not always the same
    return list(found.values())


def _merge_listings(items: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """Keep of each folder the orders in which its names came; who listed it how often is who did which task."""
    found: dict[str, list[Any]] = {}
    for path, count, module, *digests in sorted(items, key=lambda item: (item[0], *map(str, item[3:]))):
        entry = found.setdefault(path, [path, 0, module, *([] for _digest in digests)])
        entry[1] += count
        for seen, digest in zip(entry[3:], digests, strict=True):
            seen.extend([digest] if digest not in seen else [])
    return [[path, count, module, *map(_join, seen)] for path, count, module, *seen in found.values()]


def _join(orders: list[str | None]) -> str | None:
    if None in orders:
        return None
    return orders[0] if len(orders) == 1 else _digest(sorted(filter(None, orders)))


_MERGES: dict[str, Callable[[Sequence[Any]], Any]] = {
    "modules": _merge_maps,
    "versions": _merge_maps,
    "environ": _merge_maps,
    "libraries": _merge_libraries,
    "audit": _merge_audits,
    "entropy": _merge_draws,
    "entropy_at_import": _merge_draws,
    "moved_at_import": _merge_draws,
    "rng": _merge_states,
    "thread_pools": _merge_pools,
    "children": _merge_children,
}
