"""Records built by hand: a numpy run on a CPU machine, and what tests change about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reprofp.model.facets import Facet
from reprofp.model.observations import ABSENT, Absent, Observation, Observed, Unknown, UnknownCode
from reprofp.model.paths import FactPath, parse_path
from reprofp.model.records import Process, Result, Run, SideBlob, Snapshot
from reprofp.model.schema import FACETS, Phase
from reprofp.verdict.views import ends_with_process

UNKNOWN = Unknown(UnknownCode.NOT_ASKED)
GONE = object()
"""Given as a value: the fact is not listed."""

HOST = {
    "os.sysname": "Linux",
    "os.kernel.release": "6.1.0",
    "os.architecture": "x86_64",
    "os.byteorder": "little",
    "os.libc.name": "glibc",
    "os.libc.version": "2.36",
    "os.distribution.id": "debian",
    "os.distribution.version": "12",
    "os.timezone": "UTC",
    "os.hypervisor": "kvm",
    "cpu.vendor": "AuthenticAMD",
    "cpu.family": 25,
    "cpu.model": 17,
    "cpu.stepping": 1,
    "cpu.brand": "AMD EPYC",
    "cpu.isa.fma": True,
    "cpu.isa.avx2": True,
    "cpu.isa.avx512f": True,
    "cpu.cache.l1d": 32768,
    "cpu.cache.l2": 1048576,
    "cpu.cores.logical": 2,
    "cpu.cores.physical": 1,
    "cpu.smt": True,
    "cpu.numa_nodes": 1,
    "cpu.microcode": "0x1",
    "cpu.sve_bytes": ABSENT,
    "memory.total_bytes": 8 << 30,
    "memory.huge_pages": "madvise",
    "gpu": ABSENT,
    "cuda": ABSENT,
    "container.detected": UNKNOWN,
    "container.cgroup.cpu_max": ABSENT,
    "container.cgroup.memory_max": ABSENT,
    "python.version": "3.11.7",
    "python.implementation": "CPython",
    "python.build": "main",
    "python.compiler": "GCC 12.2.0",
    "python.flags.optimize": 0,
    "python.flags.utf8_mode": 0,
    "python.gil": True,
    "python.encoding.filesystem": "utf-8",
    "python.encoding.preferred": "utf-8",
    "python.encoding.stdout": "utf-8",
    "python.locale.LC_CTYPE": "C.UTF-8",
    "python.locale.LC_COLLATE": "C.UTF-8",
    "python.locale.LC_NUMERIC": "C",
    "python.locale.LC_TIME": "C",
    "python.sitecustomize": ABSENT,
    "packages.installed.numpy.version": "2.1.3",
    "packages.installed.numpy.record": "sha256:aa",
    "packages.installed.tqdm.version": "4.66.1",
    "packages.installed.pandas.version": "2.2.0",
    "packages.installed.pandas.record": "sha256:bb",
    "locks.uv.lock": "sha256:cc",
    "env": GONE,
    "distributed.launcher": ABSENT,
    "distributed.world_size": ABSENT,
    "distributed.rank": ABSENT,
    "distributed.local_rank": ABSENT,
}
"""What a static snapshot of the machine has."""

EXPERIMENT = {
    "code.git.commit": "abc",
    "code.git.dirty": ABSENT,
    "code.git.untracked": ABSENT,
    "code.entry": "train.py",
    "code.entry.digest": "sha256:44",
    "code.sources.digest": "sha256:11",
    "code.sources.syntax": "sha256:22",
    "code.sources.files": 3,
    "config.lr": 0.1,
    "config.epochs": 3,
    "datasets.declared.train.digest": "blake3-tree:00",
    "datasets.declared.train.files": 10,
    "datasets.declared.train.bytes": 1000,
    "weights": GONE,
    "rng.python.state": "untouched",
    "rng.numpy.legacy.state": "sha256:33",
    "rng.seeds.seed": 1,
}

PROCESS = {
    "python.hash_seed": "0",
    "packages.imported.numpy.version": "2.1.3",
    "floating_point.ftz": False,
    "floating_point.daz": False,
    "floating_point.rounding": "nearest",
    "floating_point.x87_precision": 64,
    "threads.affinity.count": 2,
    "threads.openblas.libscipy_openblas64_.threads": 2,
    "threads.openblas.libscipy_openblas64_.core": "Zen",
    "threads.openblas.libscipy_openblas64_.layer": "pthreads",
    "threads.openblas.libscipy_openblas64_.version": "0.3.27",
    "framework.numpy.version": "2.1.3",
    "framework.numpy.blas.name": "scipy-openblas",
    "framework.numpy.blas.version": "0.3.27",
    "framework.numpy.cpu_features.AVX2": True,
    "framework.numpy.cpu_features.AVX512F": True,
    "determinism": GONE,
    "usage.modules.numpy": True,
    "usage.asks": True,
    "usage.calls.asserts": ["assert"],
    "usage.calls.encoding": ["open"],
    "usage.calls.environ": ["*"],
    "usage.calls.functions": ["exp"],
    "usage.calls.hashing": ["set"],
    "usage.calls.local_time": ["localtime"],
    "usage.calls.locale": ["setlocale"],
    "usage.calls.products": ["@"],
    "usage.calls.scatter": ["index"],
    "usage.calls.sorting": ["argsort"],
    "usage.calls.workers": ["Pool"],
    'usage.libraries."libm.so.6".build_id': "01",
    'usage.libraries."libscipy_openblas64_.so".build_id': "02",
    "usage.network": False,
    "usage.gpu": False,
    "usage.audit": True,
    "usage.subprocesses": 0,
}

STATIC: dict[str, Any] = HOST
FULL: dict[str, Any] = {**HOST, **EXPERIMENT, **PROCESS}

GPU = {
    "gpu.count": 1,
    "gpu.device.0.name": "NVIDIA A100-SXM4-80GB",
    "gpu.device.0.compute_capability": "8.0",
    "gpu.device.0.sm_count": 108,
    "gpu.device.0.memory_bytes": 80 << 30,
    "gpu.device.0.mig_mode": False,
    "gpu.device.0.ecc_mode": True,
    "gpu.device.0.vbios": "92.00",
    "gpu": GONE,
    "cuda": GONE,
    "cuda.driver_version": "550.54",
    "cuda.driver_cuda_version": "12.4",
    'cuda.loaded."libcublas.so.12".version': "12.4.5",
    "usage.gpu": True,
    "env.CUBLAS_WORKSPACE_CONFIG": ":4096:8",
}
"""Changes that give the run a GPU."""


def make_facets(facts: Mapping[str, Any]) -> dict[str, Facet]:
    """Build facets from dotted paths; a facet whose own path is given as GONE is there and empty."""
    groups: dict[str, dict[FactPath, Observation]] = {}
    for text, value in facts.items():
        name, below = split_path(parse_path(text))
        group = groups.setdefault(name, {})
        if value is not GONE:
            group[below] = value if isinstance(value, (Observed, Absent, Unknown)) else Observed(value)
        elif below:
            group.pop(below, None)
    return {name: _make_facet(name, group) for name, group in groups.items()}


_MADE: dict[str, Facet] = {}


def _make_facet(name: str, facts: dict[FactPath, Observation]) -> Facet:
    """Build each facet once: most records of the tests share most of them."""
    key = f"{name} {facts!r}"
    if key not in _MADE:
        _MADE[key] = Facet(name, 1, facts)
    return _MADE[key]


def split_path(path: FactPath) -> tuple[str, FactPath]:
    """Split a full path into the name of its facet and the rest."""
    length = 2 if path[0] == "framework" else 1
    return ".".join(path[:length]), path[length:]


def make_snapshot(facts: Mapping[str, Any], phase: Phase = Phase.END, **side: Any) -> Snapshot:
    """Build a snapshot."""
    return Snapshot(1, phase, make_facets(facts), SideBlob(salt=b"salt", **side), "test")


def make_run(changes: Mapping[str, Any] | None = None, /, **options: Any) -> Run:
    """Build a run that is FULL but for ``changes``."""
    facts = {**FULL, **(changes or {})}
    end = options.get("end", make_snapshot(facts, keyed=options.get("keyed", {}), key_id=options.get("key_id", "k")))
    start_facts = {path: fact for path, fact in facts.items() if not ends_with_process(parse_path(path))}
    start = make_snapshot({**start_facts, **options.get("start", {})}, Phase.STATIC)
    result = Result(options.get("exit_code", 0), 1, options.get("outputs", {}), options.get("metrics", {}))
    children = tuple(Process(role, 0, child) for role, child in options.get("children", ()))
    return Run(
        options.get("time_ns", 1),
        start,
        (Process("train.py/0/0", 0, end), *children),
        result,
        SideBlob(salt=b"salt"),
        "t",
    )


def drop_facet(facts: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return the facts without some facets."""
    return {path: fact for path, fact in facts.items() if split_path(parse_path(path))[0] not in names}


assert {split_path(parse_path(path))[0].split(".")[0] for path in FULL} | {"numerics"} == set(FACETS)
