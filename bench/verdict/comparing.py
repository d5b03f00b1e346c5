"""What does a verdict cost in process? ``python bench/verdict/comparing.py [--times 300]``.

Two runs of a numpy program, built in memory with as many facts as real ones have, are compared when they are alike, when
threads and a package differ, and as bare snapshots. Minimum and median of wall time and the median of processor time; the
goal is a millisecond. Loading the rules is measured apart: it happens once in a process.
"""

import argparse
import statistics
import time
from collections.abc import Callable

from reprofp.model.facets import Facet
from reprofp.model.observations import ABSENT, Observation, Observed
from reprofp.model.paths import FactPath
from reprofp.model.records import Process, Result, Run, SideBlob, Snapshot
from reprofp.model.schema import Phase
from reprofp.verdict import compare, load_rules

HOST: dict[str, dict[str, object]] = {
    "os": {
        "sysname": "Linux",
        "architecture": "x86_64",
        "byteorder": "little",
        "timezone": "UTC",
        "hypervisor": None,
        "libc.name": "glibc",
        "libc.version": "2.36",
        "kernel.release": "6.1",
        "distribution.id": "debian",
    },
    "cpu": {
        "vendor": "A",
        "family": 25,
        "model": 17,
        "stepping": 1,
        "cache.l2": 1 << 20,
        "sve_bytes": None,
        "cores.logical": 8,
        "smt": True,
        "isa.fma": True,
        "isa.avx2": True,
        **{f"isa.f{i}": True for i in range(80)},
    },
    "memory": {"total_bytes": 1 << 34},
    "gpu": {"": None},
    "cuda": {"": None},
    "container": {"detected": None, "cgroup.cpu_max": None},
    "distributed": {"launcher": None, "world_size": None, "rank": None, "local_rank": None},
    "python": {
        "version": "3.11.7",
        "implementation": "cpython",
        "build": "main",
        "compiler": "GCC",
        "hash_seed": "0",
        "gil": True,
        "sitecustomize": None,
        "encoding.filesystem": "utf-8",
        "encoding.preferred": "utf-8",
        **{f"locale.LC_{name}": "C" for name in ("CTYPE", "COLLATE", "NUMERIC", "TIME", "MESSAGES", "MONETARY")},
        **{f"flags.{name}": 0 for name in ("optimize", "utf8_mode", "isolated", "verbose", "dev_mode", "quiet")},
    },
    "packages": {f"installed.p{i}.{key}": f"{i}.0" for i in range(150) for key in ("version", "record")},
    "locks": {},
    "env": {"OMP_NUM_THREADS": "2", "PYTHONHASHSEED": "0"},
    "config": {f"key{i}": i for i in range(30)},
    "datasets": {"declared.train.digest": "blake3-tree:00", "declared.train.files": 8, "declared.train.bytes": 1000},
    "weights": {},
    "code": {"git.commit": "abc", "git.dirty": None, "git.untracked": None, "entry": "train.py", "entry.digest": "d"},
}
PROCESS: dict[str, dict[str, object]] = {
    "threads": {
        "affinity.count": 2,
        "openblas.lib.threads": 2,
        "openblas.lib.core": "Zen",
        "openblas.lib.layer": "pthreads",
        "openblas.lib.version": "0.3.27",
    },
    "floating_point": {"ftz": False, "daz": False, "rounding": "nearest", "x87_precision": 64},
    "framework.numpy": {
        "version": "2.1.3",
        "blas.name": "openblas",
        **{f"cpu_features.f{i}": True for i in range(30)},
    },
    "determinism": {},
    "packages": {**HOST["packages"], **{f"imported.p{i}.version": f"{i}.0" for i in range(10)}},
    "rng": {"python.state": "untouched", "numpy.legacy.state": "untouched", "seeds": None},
    "code": {**HOST["code"], "sources.digest": "1", "sources.syntax": "2", "sources.files": 3},
    "usage": {
        **{f"modules.m{i}": True for i in range(60)},
        **{f"libraries.lib{i}.build_id": str(i) for i in range(50)},
        "gpu": False,
        "network": False,
        "audit": True,
        "subprocesses": 0,
        "modules.numpy": True,
    },
}


def make_facet(name: str, facts: dict[str, object], changes: dict[str, object]) -> Facet:
    changed = {path.removeprefix(name + "."): value for path, value in changes.items() if path.startswith(name + ".")}
    observations: dict[FactPath, Observation] = {
        tuple(path.split(".")) if path else (): ABSENT if value is None else Observed(value)
        for path, value in {**facts, **changed}.items()
    }
    return Facet(name, 1, observations)


def make_snapshot(groups: dict[str, dict[str, object]], phase: Phase, changes: dict[str, object]) -> Snapshot:
    facets = {name: make_facet(name, facts, changes) for name, facts in groups.items()}
    return Snapshot(1, phase, facets, SideBlob(), "bench")


def make_run(**changes: object) -> Run:
    dotted = {path.replace("__", "."): value for path, value in changes.items()}
    start, end = make_snapshot(HOST, Phase.STATIC, dotted), make_snapshot({**HOST, **PROCESS}, Phase.END, dotted)
    return Run(1, start, (Process("train.py/0/0", 0, end),), Result(), SideBlob(), "bench")


def measure(name: str, call: Callable[[], object], times: int) -> None:
    call()
    wall, cpu = [], []
    for _ in range(times):
        wall_start, cpu_start = time.perf_counter(), time.process_time()
        call()
        cpu.append(time.process_time() - cpu_start)
        wall.append(time.perf_counter() - wall_start)
    shown = (min(wall), statistics.median(wall), statistics.median(cpu))
    print(f"{name:<28}" + "".join(f"{seconds * 1e3:>14.3f}" for seconds in shown))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=300)
    times = parser.parse_args().times
    alike, unlike = make_run(), make_run(threads__openblas__lib__threads=1, packages__installed__p3__version="9")
    run = make_run()
    snapshots = [make_snapshot(HOST, Phase.STATIC, {}) for _ in range(2)]
    facts = sum(len(facet.facts) for facet in run.end.facets.values()) if run.end else 0
    left = [".".join(reason.path) for reason in compare(run, alike).missing]
    assert not left, f"a rule asks for a fact that these runs lack: {left}"
    print(f"{facts} facts a run\n{'milliseconds':<28}{'least wall':>14}{'median wall':>14}{'median cpu':>14}")
    measure("runs that are alike", lambda: compare(run, alike), times)
    measure("runs that differ", lambda: compare(run, unlike), times)
    measure("bare snapshots", lambda: compare(*snapshots), times)
    measure("loading the rules", lambda: (load_rules.cache_clear(), load_rules()), max(times // 10, 1))


if __name__ == "__main__":
    main()
