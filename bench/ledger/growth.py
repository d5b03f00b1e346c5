"""How much does the ledger's file grow with each snapshot of a 200-package environment?

Usage: python bench/ledger/growth.py [--counts 1 100 10000]

Each snapshot has what a real one has: 20 probes' durations, free memory, keyed values, a fresh salt. Bytes are those of
the database after a checkpoint, less those of an empty one, by snapshot. Beside them stand zstd -19 of each snapshot,
zstd -3 of each facet that is new (content-addressed, no deltas), and the canonical bytes as they are.
"""

import argparse
import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import zstandard

from reprofp.ledger import Ledger
from reprofp.ledger.items import iterate_items
from reprofp.ledger.schema import FILE_NAME
from reprofp.model.facets import Facet
from reprofp.model.observations import Observation, Observed
from reprofp.model.paths import FactPath
from reprofp.model.records import SideBlob, Snapshot
from reprofp.model.schema import FACETS, Phase
from reprofp.probes.runner import round_duration

PACKAGES = 200
NOISE = random.Random(1)
GROUP = 500
SAMPLE = 10


def tell_times() -> Iterator[int]:
    """Yield moments that are up to an hour apart."""
    now = 1_790_000_000_000_000_000
    while True:
        now += NOISE.randrange(3600 * 10**9)
        yield now


TIMES = tell_times()


def make_packages(project: int, changed: int | None, revision: int) -> Facet:
    digits = random.Random(project)
    facts: dict[FactPath, Observation] = {}
    for number in range(PACKAGES):
        name = f"package-{project}-{number}"
        facts["installed", name, "version"] = Observed(f"{digits.randrange(9)}.{digits.randrange(30)}.0")
        facts["installed", name, "record"] = Observed(f"sha256:{digits.randbytes(32).hex()}")
        if number == changed:
            facts["installed", name, "version"] = Observed(f"9.{revision}")
            facts["installed", name, "record"] = Observed(f"sha256:{random.Random(revision).randbytes(32).hex()}")
    return Facet("packages", 1, facts)


def make_side() -> SideBlob:
    circumstances: dict[str, object] = {"os.host_name": "node-1", "os.boot_id": "1bae795a-c691-42fb-9a35-88acbff33925"}
    for name in sorted(FACETS):
        circumstances[f"probes.{name}.outcome"] = "ok"
        duration = int(10 ** NOISE.uniform(4, 8.3))  # from 10 us to 200 ms
        if duration >= 1_000_000:
            circumstances[f"probes.{name}.duration_ms"] = round_duration(duration)
    circumstances["memory.available_bytes"] = NOISE.randrange(1 << 34)
    keyed = {f"env.VARIABLE_{at}": random.Random(at).randbytes(32) for at in range(16)}
    return SideBlob(circumstances, keyed, "key-1", NOISE.randbytes(16))  # type: ignore[arg-type]


def make_snapshot(packages: Facet, variable: str = "1") -> Snapshot:
    facets = {
        name: Facet(name, 1, {("fact", str(at)): Observed(f"{name} value {at}") for at in range(8)})
        for name in FACETS
        if not name.endswith("*")
    }
    facets["env"] = Facet(
        "env", 1, {(f"VARIABLE_{at}",): Observed(variable if at == 3 else str(at)) for at in range(30)}
    )
    facets["packages"] = packages
    return Snapshot(next(TIMES), Phase.START, facets, make_side(), "0.1.0")


FIXED = make_packages(0, None, 0)
PROJECTS = [make_packages(project, None, 0) for project in range(3)]
CASES: tuple[tuple[str, Callable[[int], Snapshot]], ...] = (
    ("nothing changed", lambda _: make_snapshot(FIXED)),
    ("one package changed", lambda at: make_snapshot(make_packages(0, at % PACKAGES, at))),
    ("one variable changed", lambda at: make_snapshot(FIXED, f"value {at}")),
    ("3 projects alternate", lambda at: make_snapshot(PROJECTS[at % 3])),
    ("3 projects, 1 package", lambda at: make_snapshot(make_packages(at % 3, at // 3 % PACKAGES, at))),
)


def measure_file(records: Iterator[Snapshot], folder: Path) -> int:
    Ledger.open(folder).close()
    before = (folder / FILE_NAME).stat().st_size
    with Ledger.open(folder) as ledger:
        group = []
        for record in records:
            group.append(record)
            if len(group) == GROUP:
                ledger.append_many(group)
                group.clear()
        ledger.append_many(group)
    return (folder / FILE_NAME).stat().st_size - before


def measure_others(make: Callable[[int], Snapshot], count: int) -> tuple[float, float, float]:
    """Return the bytes by snapshot of zstd -19 of each, of whole facets, and raw; sampled where there are many."""
    taken = min(count, SAMPLE)
    best, fast = zstandard.ZstdCompressor(level=19), zstandard.ZstdCompressor(level=3)
    squeezed = whole = raw = 0
    seen: set[bytes] = set()
    for at in range(taken):
        items = list(iterate_items(make(at)))
        data = b"".join(item.data for item in items)
        raw += len(data)
        squeezed += len(best.compress(data))
        if at or count == 1:  # what the first costs is spread over many
            whole += sum(32 + len(fast.compress(item.data)) for item in items if item.raw_id not in seen)
        seen |= {item.raw_id for item in items}
    return squeezed / taken, whole / max(taken - (count > 1), 1), raw / taken


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 100, 10_000])
    options = parser.parse_args()
    print(f"{'bytes by snapshot':<24}{'count':>7}{'ledger':>9}{'repeated':>10}{'zstd -19':>10}{'whole':>9}{'raw':>9}")
    for what, make in CASES:
        last = 0, 0
        for count in options.counts:
            with tempfile.TemporaryDirectory() as place:
                grown = measure_file((make(at) for at in range(count)), Path(place))
            repeated = (grown - last[1]) / (count - last[0])
            last = count, grown
            squeezed, whole, raw = measure_others(make, count)
            print(
                f"{what:<24}{count:>7}{grown / count:>9.0f}{repeated:>10.0f}{squeezed:>10.0f}{whole:>9.0f}{raw:>9.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
