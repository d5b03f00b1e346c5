"""Pairs of records whose verdicts are kept: ``python tests/verdict/golden.py`` writes them to golden.json."""

from __future__ import annotations

import json
import sys
from pathlib import Path

FILE = Path(__file__).with_name("golden.json")
if __name__ == "__main__":
    sys.path.insert(0, str(FILE.parents[1]))

from reprofp.model.observations import ABSENT  # noqa: E402
from reprofp.model.schema import Phase  # noqa: E402
from reprofp.verdict import compare  # noqa: E402
from verdict.records import GPU, STATIC, UNKNOWN, make_run, make_snapshot  # noqa: E402

THREADS = "threads.openblas.libscipy_openblas64_.threads"
OTHER_MACHINE = {
    "cpu.vendor": "GenuineIntel",
    "cpu.family": 6,
    "cpu.model": 143,
    "cpu.isa.amx_tile": True,
    "cpu.cache.l2": 2 << 20,
    "cpu.cores.logical": 64,
    "cpu.microcode": "0x2b",
    "memory.total_bytes": 512 << 30,
    "os.kernel.release": "6.8.0",
    "threads.openblas.libscipy_openblas64_.core": "SapphireRapids",
    "framework.numpy.cpu_features.AVX512_SPR": True,
    "threads.affinity.count": 64,
}
OTHER_SOFTWARE = {
    "python.version": "3.12.3",
    "os.libc.version": "2.39",
    "packages.imported.numpy.version": "1.26.4",
    "packages.installed.numpy.version": "1.26.4",
    "packages.installed.numpy.record": "sha256:ee",
    "packages.installed.tqdm.version": "4.60.0",
    "packages.installed.pandas.version": "3.0.0",
    "framework.numpy.version": "1.26.4",
    "locks.uv.lock": "sha256:ff",
}
UNSEEDED = {"usage.entropy.__main__": 1, "rng.numpy.legacy.state": "sha256:55"}
PAIRS = {
    "alike": ({}, {}),
    "other machine": ({}, OTHER_MACHINE),
    "other software": ({}, OTHER_SOFTWARE),
    "other threads": ({}, {THREADS: 1, "env.OMP_NUM_THREADS": "1"}),
    "unseeded": ({**UNSEEDED, "rng.seeds.seed": ABSENT}, {**UNSEEDED, "rng.numpy.legacy.state": "sha256:66"}),
    "other experiment": ({}, {"config.lr": 0.2, "code.sources.syntax": "sha256:77", "rng.seeds.seed": 2}),
    "comments and output folder": (
        {"config.output_dir": "a"},
        {"config.output_dir": "b", "code.sources.digest": "sha256:88", "code.git.dirty": "sha256:99"},
    ),
    "other gpu": (GPU, {**GPU, "gpu.device.0.name": "NVIDIA H100", "gpu.device.0.compute_capability": "9.0"}),
    "gpu against none": (GPU, {}),
    "little known": (dict.fromkeys(("python.version", "cpu.isa", "usage", "threads"), UNKNOWN), {}),
}


def judge_all() -> dict[str, object]:
    verdicts = {name: compare(make_run(a), make_run(b, time_ns=2)) for name, (a, b) in PAIRS.items()}
    verdicts["bare snapshots"] = compare(
        make_snapshot(STATIC, Phase.STATIC), make_snapshot({**STATIC, "python.version": "3.11.8"}, Phase.STATIC)
    )
    return {name: summarise(verdict) for name, verdict in verdicts.items()}


def summarise(verdict) -> dict[str, object]:
    return {
        "conditions": str(verdict.conditions),
        "overall": str(verdict.overall),
        "reasons": list(map(line, verdict.reasons)),
        "experiment": list(map(line, verdict.experiment.differs)),
        "missing": list(map(line, verdict.missing)),
        "equal": verdict.equal,
        "irrelevant": verdict.irrelevant,
        "notes": list(verdict.notes),
    }


def line(reason) -> str:
    level = "another experiment" if reason.level is None else reason.level.label
    return f"{'.'.join(reason.path)}: {reason.kind}, {reason.rule}, {reason.active}, {level}, lowers {reason.lowers}"


if __name__ == "__main__":
    FILE.write_text(json.dumps(judge_all(), indent=1) + "\n")
