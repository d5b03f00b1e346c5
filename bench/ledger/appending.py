"""How fast does the ledger acknowledge durable appends, and what does a repeated snapshot cost on disk?

Usage: python bench/ledger/appending.py [--records N] [--folder FOLDER]

Appends are compared with SQLite alone (WAL, synchronous=FULL, one 600-byte row a record) in the same folder, because
absolute figures are those of the disk. Bytes are the growth of the file after a checkpoint.
"""

import argparse
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from reprofp.ledger import Ledger
from reprofp.ledger.schema import FILE_NAME
from reprofp.model.facets import Facet
from reprofp.model.observations import Observation, Observed
from reprofp.model.paths import FactPath
from reprofp.model.records import SideBlob, Snapshot
from reprofp.model.schema import FACETS, Phase

PACKAGES = 180
T = TypeVar("T")


def make_packages(changed: int | None = None) -> Facet:
    facts: dict[FactPath, Observation] = {}
    for number in range(PACKAGES):
        name = f"package-{number}"
        facts["installed", name, "version"] = Observed("2.0" if number == changed else f"1.{number}.0")
        facts["installed", name, "record"] = Observed(f"sha256:{number:064x}")
        facts["installed", name, "origin"] = Observed(f"https://example.org/simple/{name}/")
    return Facet("packages", 1, facts)


def make_snapshot(number: int) -> Snapshot:
    facets = {name: Facet(name, 1, {("fact",): Observed(f"{name} value")}) for name in FACETS if name != "packages"}
    facets["env"] = Facet("env", 1, {(f"VARIABLE_{at}",): Observed(str(at)) for at in range(30)})
    facets["packages"] = make_packages()
    side = SideBlob({"host": "node-1", "boot": "0f" * 16, "load": number / 7}, {"env.HOME": bytes(32)}, "key")
    return Snapshot(1_790_000_000_000_000_000 + number * 1_000_003, Phase.START, facets, side, "0.1.0")


def with_facet(snapshot: Snapshot, facet: Facet) -> Snapshot:
    return replace(snapshot, facets={**snapshot.facets, facet.name: facet})


def time_groups(append: Callable[[list[T]], object], items: list[T], size: int) -> float:
    start = time.perf_counter()
    for at in range(0, len(items), size):
        append(items[at : at + size])
    return len(items) / (time.perf_counter() - start)


def measure_ledger(folder: Path, count: int, size: int) -> float:
    records = [make_snapshot(number) for number in range(count + 1)]
    for record in records:
        str(record.raw_id)  # ids are made by whoever made the record
    with Ledger.open(folder) as ledger:
        ledger.append(records.pop())
        return time_groups(ledger.append_many, records, size)


def measure_sqlite(folder: Path, count: int, size: int) -> float:
    folder.mkdir()
    database = sqlite3.connect(folder / "x", isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE t (x BLOB)")

    def append(rows: list[tuple[bytes]]) -> None:
        database.execute("BEGIN")
        database.executemany("INSERT INTO t VALUES (?)", rows)
        database.execute("COMMIT")

    rate = time_groups(append, [(os.urandom(600),) for _ in range(count)], size)
    database.close()
    return rate


def measure_growth(folder: Path, change: Callable[[Snapshot, int], Snapshot], count: int = 200) -> float:
    """The mean growth of the file in bytes when a snapshot is repeated with a change."""
    with Ledger.open(folder) as ledger:
        ledger.append_many([make_snapshot(number) for number in range(count)])
    before = (folder / FILE_NAME).stat().st_size
    with Ledger.open(folder) as ledger:
        ledger.append_many([change(make_snapshot(count + number), number) for number in range(count)])
    return ((folder / FILE_NAME).stat().st_size - before) / count


def change_variable(snapshot: Snapshot, number: int) -> Snapshot:
    facts = {**snapshot.facets["env"].facts, ("VARIABLE_3",): Observed(f"changed {number}")}
    return with_facet(snapshot, Facet("env", 1, facts))


def time_reading(folder: Path, count: int) -> None:
    with Ledger.open(folder) as ledger:
        names = ledger.append_many([make_snapshot(number) for number in range(count)])
    for what, read in (
        ("open and log --limit 20", lambda ledger: list(ledger.log(20))),
        ("open and get one", lambda ledger: ledger.get(names[len(names) // 2])),
        ("open and resolve a prefix", lambda ledger: ledger.resolve(names[7][4:14])),
        ("verify", lambda ledger: ledger.verify()),
    ):
        times = []
        for _ in range(5):
            start = time.perf_counter()
            with Ledger.open(folder, read_only=True) as ledger:
                read(ledger)
            times.append(time.perf_counter() - start)
        print(f"{what:<28} {1000 * statistics.median(times):>9.2f} ms  (of {count} records)")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=int, default=512)
    parser.add_argument("--folder", type=Path, help="where to write; the disk that is measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        base = Path(place)
        for size in (1, 32, 256):
            ours = measure_ledger(base / f"l{size}", options.records, size)
            bare = measure_sqlite(base / f"s{size}", options.records, size)
            print(f"groups of {size:<4} {ours:>8.0f} appends/s   SQLite alone {bare:>8.0f}   ratio {ours / bare:.2f}")
        size = len(make_packages().canonical)
        print(f"\nbytes a repeated snapshot, {PACKAGES} packages ({size} bytes)")
        for what, change in (
            ("nothing changed", lambda snapshot, _: snapshot),
            ("one package changed", lambda snapshot, at: with_facet(snapshot, make_packages(at % PACKAGES))),
            ("one variable changed", change_variable),
        ):
            print(f"{what:<21}{measure_growth(base / what, change):>8.0f}")
        print()
        time_reading(base / "r", options.records)


if __name__ == "__main__":
    main()
