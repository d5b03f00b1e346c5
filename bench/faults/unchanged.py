"""Does the cache ever say that a file is unchanged when it is not?

    python bench/faults/unchanged.py [--mutations 100000] [--files 200] [--seed 1] [--peers 400 --dvc COMMAND]

Changes random files in random ways (unchanged_mutations.py), and now and then hashes the tree through the cache and
without it. Counts files whose two digests differ (false "unchanged": there must be none), and files that were hashed
again though their content was the same (false "changed": a matter of time, not of truth). ``--peers N`` asks git and dvc
the same of N changes. Exits 1 if anything was called unchanged that was not.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from unchanged_mutations import Mutator

from reprofp._core.caching import Cache
from reprofp._core.reading import scan_tree

SETTLE = 0.03  # until what was written is old enough to be remembered
CHANGES_AT_ONCE = 25

Digests = dict[bytes, bytes | None]


@dataclass
class Tally:
    """What was found; ``blamed``: the kinds of change since the last look when a false "unchanged" was found."""

    mutations: int = 0
    asked: int = 0
    reused: int = 0
    false_unchanged: int = 0
    false_changed: int = 0
    blamed: Counter[str] = field(default_factory=Counter)


def digests_of(root: str, cache: Cache | None = None) -> tuple[Digests, int]:
    found = scan_tree(os.fsencode(root), threads=2, cache=cache)
    return {entry.path: entry.digest for entry in found.entries()}, found.reused


def look(root: str, cache_file: Path, before: Digests, tally: Tally) -> Digests:
    """Hash the tree with the cache and without it; nothing changes meanwhile."""
    with Cache.open(cache_file) as cache:
        told, reused = digests_of(root, cache)
    truth, _ = digests_of(root)
    same = sum(before.get(path) == digest for path, digest in truth.items())
    tally.asked += len(truth)
    tally.reused += reused
    tally.false_unchanged += sum(told[path] != digest for path, digest in truth.items())
    tally.false_changed += max(same - reused, 0)
    return truth


def run_mutations(folder: Path, mutations: int, files: int, seed: int) -> Tally:
    """Interleave changes with looks, some of them at once, so that much is young, and some after a pause."""
    tally = Tally()
    (folder / "own").mkdir(mode=0o700)
    numbers = random.Random(seed)
    mutator = Mutator(str(folder / "tree"), files, seed)
    truth: Digests = {}
    try:
        while tally.mutations < mutations:
            recent = [mutator.change() for _ in range(numbers.randrange(1, CHANGES_AT_ONCE * 2))]
            tally.mutations += len(recent)
            if numbers.random() < 0.7:
                time.sleep(SETTLE)
            wrong = tally.false_unchanged
            truth = look(mutator.root, folder / "own" / "cache", truth, tally)
            if tally.false_unchanged > wrong:
                tally.blamed.update(set(recent))
    finally:
        mutator.close()
    return tally


def show(name: str, tally: Tally) -> None:
    print(
        f"{name}: {tally.mutations} changes, {tally.asked} questions, {tally.reused} called unchanged, "
        f"{tally.false_unchanged} of them wrongly; {tally.false_changed} called changed that were the same",
        flush=True,
    )
    for kind, count in tally.blamed.most_common():
        print(f"    {kind}: {count}")


# ---- Peers ----


def run(*command: str, place: Path) -> str:
    done = subprocess.run(command, cwd=place, check=True, capture_output=True, text=True)
    return done.stdout


def git_changed(place: Path) -> set[str]:
    """The names that git calls changed."""
    return {line[3:].removeprefix("tree/") for line in run("git", "status", "--porcelain", place=place).splitlines()}


def dvc_changed(command: str, place: Path) -> set[str]:
    answer = json.loads(run(command, "data", "status", "--granular", "--json", place=place) or "{}")
    changed = answer.get("uncommitted", {})
    names = [name for kind in ("added", "modified", "deleted") for name in changed.get(kind, [])]
    names += [each["new"] for each in changed.get("renamed", [])]
    return {name.removeprefix("tree/") for name in names}


def ask_peer(
    folder: Path, mutations: int, seed: int, add: Callable[[Path], object], changed: Callable[[Path], set[str]]
) -> Tally:
    """Change each file once, ask, remember, and again."""
    tally = Tally()
    mutator = Mutator(str(folder / "tree"), 60, seed)
    try:
        while tally.mutations < mutations:
            time.sleep(1.1)  # git's and dvc's own racy window
            add(folder)
            time.sleep(SETTLE)
            before, _ = digests_of(mutator.root)
            kinds: dict[str, str] = {}
            for path in mutator.names:
                kinds[os.path.basename(path)] = mutator.change([path])
            tally.mutations += len(mutator.names)
            truth, _ = digests_of(mutator.root)
            count_answers(before, truth, changed(folder), kinds, tally)
    finally:
        mutator.close()
    return tally


def count_answers(before: Digests, truth: Digests, called: set[str], kinds: dict[str, str], tally: Tally) -> None:
    for path, digest in truth.items():
        name = os.fsdecode(path)
        tally.asked += 1
        tally.reused += name not in called
        if before.get(path) != digest and name not in called:
            tally.false_unchanged += 1
            tally.blamed[kinds[name]] += 1
        elif before.get(path) == digest and name in called:
            tally.false_changed += 1


def ask_peers(scratch: Path, mutations: int, seed: int, dvc: str | None) -> None:
    place = scratch / "git"
    place.mkdir()
    run("git", "init", "-q", place=place)
    run("git", "config", "core.fileMode", "false", place=place)
    show(
        "git status",
        ask_peer(
            place, mutations, seed, lambda at: run("git", "add", "--all", "tree", place=at) or commit(at), git_changed
        ),
    )
    if dvc is not None:
        place = scratch / "dvc"
        place.mkdir()
        run(dvc, "init", "-q", "--no-scm", place=place)
        add = lambda at: run(dvc, "add", "-q", "tree", place=at)  # noqa: E731
        show("dvc data status", ask_peer(place, mutations, seed, add, lambda at: dvc_changed(dvc, at)))


def commit(place: Path) -> str:
    return run(
        *("git", "-c", "user.name=bench", "-c", "user.email=bench@localhost"),
        *("commit", "-q", "--allow-empty", "-m", "all"),
        place=place,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutations", type=int, default=100_000)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--peers", type=int, default=0, help="so many changes for git and dvc")
    parser.add_argument("--dvc", help="the command of dvc")
    parser.add_argument("--folder", help="where to make the files; its file system is what is tested")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="reprofp-unchanged-", dir=arguments.folder))
    try:
        tally = run_mutations(folder, arguments.mutations, arguments.files, arguments.seed)
        show("reprofp", tally)
        if arguments.peers:
            ask_peers(folder, arguments.peers, arguments.seed, arguments.dvc)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if tally.false_unchanged else 0)


if __name__ == "__main__":
    main()
