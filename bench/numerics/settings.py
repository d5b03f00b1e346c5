"""Which settings change which numerics classes, and whether classes see all that changes real results.

Every setting runs small real jobs (workloads.py) in processes of their own, which measure their classes at
their end. A row tells, against the plain environment: the families whose classes changed, by backend; the
jobs whose results changed in any bit; and whether each such job's process saw it in at least one class.

    python bench/numerics/settings.py --python ENV/bin/python [--other VERSION=ENV2/bin/python] [--groups ...]

ENV holds torch (CPU), numpy, scikit-learn and jax; reprofp is needed only where this script runs. Writes the
table in Markdown. Exits 1 where results changed and no class did.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from reprofp.numerics import find_library
from reprofp.numerics.measuring import KERNELS_FOLDER

ALL = ("numpy", "sklearn", "torch", "jax")


@dataclass(frozen=True)
class Setting:
    name: str
    groups: tuple[str, ...]
    environ: dict[str, str] = field(default_factory=dict)
    prelude: str = ""
    python: str = ""


PLAIN = Setting("plain", ALL)
QUIET = {"OMP_WAIT_POLICY": "PASSIVE"}
"""On a busy machine threads that wait awake take all its time; how they wait changes no bits."""
SETTINGS = [
    Setting("OMP_NUM_THREADS=1", ("numpy", "torch", "sklearn"), {"OMP_NUM_THREADS": "1"}),
    Setting("ATEN_CPU_CAPABILITY=default", ("torch",), {"ATEN_CPU_CAPABILITY": "default"}),
    Setting("ONEDNN_MAX_CPU_ISA=SSE41", ("torch",), {"ONEDNN_MAX_CPU_ISA": "SSE41"}),
    Setting("MKL_CBWR=COMPATIBLE", ("torch",), {"MKL_CBWR": "COMPATIBLE"}),
    Setting("OPENBLAS_CORETYPE=Nehalem", ("numpy", "sklearn"), {"OPENBLAS_CORETYPE": "Nehalem"}),
    Setting("NPY_DISABLE_CPU_FEATURES", ("numpy", "sklearn"), {"NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 X86_V3"}),
    Setting(
        "GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4",
        ("numpy", "sklearn", "torch"),
        {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2_Usable,-AVX2,-FMA_Usable,-FMA,-FMA4"},
    ),
    Setting("torch.set_flush_denormal(True)", ("torch",), prelude="torch.set_flush_denormal(True)"),
    Setting(
        "set_float32_matmul_precision('medium')",
        ("torch",),
        prelude="torch.set_float32_matmul_precision('medium')",
    ),
    Setting("torch.backends.mkldnn.enabled=False", ("torch",), prelude="torch.backends.mkldnn.enabled = False"),
    Setting("use_deterministic_algorithms", ("torch",), prelude="torch.use_deterministic_algorithms(True)"),
    Setting("XLA_FLAGS=--xla_cpu_max_isa=SSE4_2", ("jax",), {"XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2"}),
    Setting("OPENBLAS_NUM_THREADS=1", ("numpy",), {"OPENBLAS_NUM_THREADS": "1"}),
    Setting("MALLOC_PERTURB_=7", ("numpy",), {"MALLOC_PERTURB_": "7"}),
    Setting("(nothing: the same again)", ALL),
]


def run(python: str, group: str, setting: Setting) -> dict:
    options = json.dumps({"library": str(find_library()), "limit_s": 600})
    script = Path(__file__).with_name("workloads.py")
    words = [setting.python or python, script, group, KERNELS_FOLDER / "measuring.py", options, setting.prelude]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "MKL_", "PYTHON"))}
    done = subprocess.run(
        words, env={**environ, **QUIET, **setting.environ}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{setting.name}, {group}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def flatten(found: dict) -> dict[tuple[str, str], str]:
    backends = found["numerics"]["backends"]
    return {(b, f): str(entry.get("class", entry)) for b, families in backends.items() for f, entry in families.items()}


def find_changed(base: dict, found: dict) -> tuple[list[tuple[str, str]], list[str]]:
    before, after = flatten(base), flatten(found)
    classes = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    return classes, [name for name, value in found["results"].items() if base["results"][name] != value]


def describe(classes: set[tuple[str, str]], counts: dict[str, int]) -> str:
    texts = []
    for backend in sorted({backend for backend, _ in classes}):
        families = sorted(family for name, family in classes if name == backend)
        text = "all" if len(families) == counts[backend] else ", ".join(families)
        texts.append(f"{backend}: {text}")
    return "; ".join(texts) or "-"


def describe_machine(python: str) -> str:
    code = (
        "import importlib.metadata as m, sys; print('Python', sys.version.split()[0], *["
        "n + ' ' + m.version(n) for n in ('torch', 'numpy', 'scipy', 'scikit-learn', 'jax')], sep=', ')"
    )
    versions = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    info = Path("/proc/cpuinfo").read_text()
    model = next(line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name"))
    family = [
        next(line.partition(":")[2].strip() for line in info.splitlines() if line.startswith(key))
        for key in ("cpu family", "model\t")
    ]
    return (
        f"{model} (family {family[0]}, model {family[1]}), {os.cpu_count()} cores, Linux {platform.release()}, "
        f"{' '.join(platform.libc_ver())}; {versions}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True)
    parser.add_argument("--other", action="append", default=[], metavar="VERSION=PYTHON", help="another numpy")
    parser.add_argument("--groups", nargs="+", default=list(ALL))
    arguments = parser.parse_args()
    settings = SETTINGS + [
        Setting(f"numpy {text.partition('=')[0]}", ("numpy",), python=text.partition("=")[2])
        for text in arguments.other
    ]
    base = {group: run(arguments.python, group, PLAIN) for group in arguments.groups}
    counts: dict[str, int] = {}
    for found in base.values():
        for backend, families in found["numerics"]["backends"].items():
            counts[backend] = max(counts.get(backend, 0), len(families))
    print(f"Measured on {describe_machine(arguments.python)}.\n")
    print("| setting | classes that changed | results that changed | all seen |\n|---|---|---|---|", flush=True)
    missed = 0
    for setting in settings:
        changed: set[tuple[str, str]] = set()
        jobs: list[str] = []
        blind: list[str] = []
        for group in (group for group in setting.groups if group in arguments.groups):
            classes, results = find_changed(base[group], run(arguments.python, group, setting))
            changed.update(classes)
            jobs += results
            blind += results if not classes else []
        missed += len(blind)
        seen = "-" if not jobs else "no: " + ", ".join(blind) if blind else "yes"
        print(f"| `{setting.name}` | {describe(changed, counts)} | {', '.join(jobs) or '-'} | {seen} |", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
