"""How long does a ledger of a million snapshots take to answer: an id, a whole record, what is comparable?

Usage: python bench/ledger/million.py [--records N] [--folder FOLDER]

Snapshots have 11 facets or so; they belong to 2,000 experiments on 500 conditions of hosts and packages, some of which differ in what
matters and most in what does not. FOLDER keeps the ledger: a second run measures it without making it again. What is
comparable is asked as the daemon is asked, without a socket: the nearest hundred are judged at the level "statistical".
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from reprofp.daemon.peers import Peer
from reprofp.daemon.service import Config, Service
from reprofp.ledger import Ledger
from reprofp.ledger.schema import FILE_NAME
from reprofp.model.facets import Facet
from reprofp.model.observations import Observation, Observed
from reprofp.model.paths import FactPath
from reprofp.model.reading import remember_facets
from reprofp.model.records import SideBlob, Snapshot
from reprofp.model.schema import FACETS, Phase
from reprofp.wire import Request

GROUP = 500
CONDITIONS, EXPERIMENTS = 500, 2000
FIXED = {
    name: Facet(name, 1, {("fact", str(at)): Observed(f"{name} {at}") for at in range(4)})
    for name in sorted(FACETS)[:9]
    if not name.endswith("*") and name not in ("env", "packages", "config")
}


def make_packages(kind: int) -> Facet:
    facts: dict[FactPath, Observation] = {}
    for at in range(30):
        facts["installed", f"package-{at}", "version"] = Observed(f"1.{kind if at == kind % 30 else 0}")
    return Facet("packages", 1, facts)


PACKAGES = [make_packages(kind) for kind in range(CONDITIONS)]


def make_snapshot(number: int) -> Snapshot:
    rng = random.Random(number)
    kind, experiment = rng.randrange(CONDITIONS), rng.randrange(EXPERIMENTS)
    config = Facet("config", 1, {("lr",): Observed(experiment % 40 / 1000), ("seed",): Observed(experiment // 40)})
    facets = {**FIXED, "packages": PACKAGES[kind], "config": config}
    side = SideBlob({"os.host_name": f"node-{kind % 8}"}, salt=rng.randbytes(16))
    return Snapshot(1_700_000_000_000_000_000 + number * 60_000_000_000, Phase.END, facets, side, "0.1.0")


def fill(folder: Path, count: int) -> None:
    with Ledger.open(folder) as ledger:
        begin = len(ledger)
        start = time.perf_counter()
        for at in range(begin, count, GROUP):
            ledger.append_many([make_snapshot(number) for number in range(at, min(at + GROUP, count))])
    if count > begin:
        print(f"made {count - begin} in {time.perf_counter() - start:.0f} s", flush=True)


def time_each(what: str, ask: Callable[[Snapshot], object], count: int, records: int) -> None:
    rng = random.Random(7)
    taken, worked = list[float](), list[float]()
    for _ in range(count + 3):
        record = make_snapshot(rng.randrange(records))
        str(record.id)
        start, begun = time.perf_counter(), time.thread_time()
        ask(record)
        taken.append(time.perf_counter() - start)
        worked.append(time.thread_time() - begun)
    cells = [f"{name} {find(times[3:])}" for name, times in (("wall", taken), ("processor", worked))]
    print(f"{what:<42} {'  '.join(cells)}  ({count} asked)", flush=True)


def find(times: list[float]) -> str:
    ordered = sorted(times)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"p50 {1000 * statistics.median(ordered):.3f} p99 {1000 * p99:.3f} ms"


def measure(folder: Path, records: int) -> None:
    with Ledger.open(folder, read_only=True) as ledger:
        print(f"{len(ledger)} snapshots in {(folder / FILE_NAME).stat().st_size / len(ledger):.0f} bytes each")
        time_each("look an id up", lambda record: ledger.summary(record.id), 2000, records)
        time_each("resolve a prefix of 12 digits", lambda record: ledger.resolve(record.id[:16]), 500, records)
        time_each("read a whole record, every byte checked", lambda record: ledger.get(record.id), 500, records)
        time_each("log --limit 20", lambda _: list(ledger.log(20)), 100, records)
    remember_facets(32 << 20)
    service = Service(Config(folder, 0))

    def ask(record: Snapshot) -> object:
        reply = service.handle(Request("comparable_with", {"name": record.id, "limit": 100}), Peer(0))
        assert not reply.code, reply.text
        return reply

    time_each("what is comparable, the nearest 100 judged", ask, 5, records)
    service.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = options.folder or Path(place, "ledger")
        fill(folder, options.records)
        measure(folder, options.records)


if __name__ == "__main__":
    main()
