"""What removes what ``doctor`` finds, as lines to paste: exports for a shell, and code for the frameworks in use.

Costs are given where whoever makes the software states them, with the source; where nobody does, that is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reprofp.model.observations import Observed
from reprofp.model.records import Record, Run

if TYPE_CHECKING:
    from reprofp.verdict import Reason

__all__ = [
    "EXPORTS",
    "FRAMEWORKS",
    "Export",
    "Framework",
    "find_exports",
    "find_frameworks",
    "write_code",
    "write_exports",
]

_TORCH = "https://docs.pytorch.org/docs/stable/notes/randomness.html"
_NOT_STATED = "not stated by its makers"


@dataclass(frozen=True, slots=True)
class Export:
    """A variable that removes what a rule finds."""

    rule: str
    name: str
    value: str
    why: str
    cost: str
    source: str


EXPORTS: tuple[Export, ...] = (
    Export(
        "python.hash-seed",
        "PYTHONHASHSEED",
        "0",
        "the order of sets, and of all that follows from hashes of text, is the same in every process",
        "hashes of text can be foreseen: keep it out of servers that take keys from strangers",
        "https://docs.python.org/3/using/cmdline.html#envvar-PYTHONHASHSEED",
    ),
    Export(
        "env.cublas-workspace",
        "CUBLAS_WORKSPACE_CONFIG",
        ":4096:8",
        "cuBLAS takes the same algorithms though several streams run",
        "about 24 MiB of GPU memory; :16:8 takes less, and may limit performance",
        "https://docs.nvidia.com/cuda/cublas/#results-reproducibility",
    ),
    Export(
        "threads.mkl-dynamic",
        "MKL_DYNAMIC",
        "FALSE",
        "MKL takes the number of threads that was asked for, whatever else runs",
        _NOT_STATED,
        "https://www.intel.com/content/www/us/en/docs/onemkl/developer-guide-linux/current/mkl-dynamic.html",
    ),
    Export(
        "threads.openmp-dynamic",
        "OMP_DYNAMIC",
        "false",
        "OpenMP takes the number of threads that was asked for, whatever else runs",
        _NOT_STATED,
        "https://www.openmp.org/spec-html/5.0/openmpse52.html",
    ),
    Export(
        "python.gil",
        "PYTHON_GIL",
        "1",
        "threads of Python take turns, as in every build with the lock",
        "threads of Python do not run side by side",
        "https://docs.python.org/3/using/cmdline.html#envvar-PYTHON_GIL",
    ),
)
"""By rule, what an environment variable removes."""


@dataclass(frozen=True, slots=True)
class Framework:
    """What a program says to repeat itself in one framework."""

    name: str
    packages: tuple[str, ...]
    """The distributions that bring it; none for what Python itself has."""
    lines: tuple[str, ...]
    cost: str
    source: str


FRAMEWORKS: tuple[Framework, ...] = (
    Framework(
        "random",
        (),
        ("import random", "random.seed(0)"),
        "none",
        "https://docs.python.org/3/library/random.html#random.seed",
    ),
    Framework(
        "numpy",
        ("numpy",),
        (
            "import numpy",
            "numpy.random.seed(0)  # what uses the global generator",
            "rng = numpy.random.default_rng(0)  # better: pass it on",
        ),
        "none",
        "https://numpy.org/doc/stable/reference/random/index.html",
    ),
    Framework(
        "torch",
        ("torch",),
        (
            "import torch",
            "torch.manual_seed(0)",
            "torch.use_deterministic_algorithms(True)  # an operation that has no such algorithm raises an error",
            "torch.backends.cudnn.benchmark = False",
            "loader_generator = torch.Generator().manual_seed(0)  # DataLoader(..., generator=loader_generator)",
        ),
        "deterministic operations are often slower, and so is cuDNN without benchmarking where shapes do not vary",
        _TORCH,
    ),
    Framework(
        "tensorflow",
        ("tensorflow", "tensorflow-cpu", "tf-nightly"),
        (
            "import tensorflow",
            "tensorflow.keras.utils.set_random_seed(0)  # also Python's and NumPy's",
            "tensorflow.config.experimental.enable_op_determinism()",
        ),
        "operations may run slower",
        "https://www.tensorflow.org/api_docs/python/tf/config/experimental/enable_op_determinism",
    ),
    Framework(
        "jax",
        ("jax",),
        (
            "import os",
            'os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_gpu_deterministic_ops=true"  # before jax',
            "import jax",
            "key = jax.random.key(0)  # split it, and never use one twice",
        ),
        _NOT_STATED,
        "https://docs.jax.dev/en/latest/random-numbers.html",
    ),
)
"""In the order in which they are written."""


def find_exports(gates: Iterable[Reason]) -> list[Export]:
    """Return the variables that remove what was found, each once."""
    found = {gate.rule for gate in gates}
    return [export for export in EXPORTS if export.rule in found]


def find_frameworks(record: Record) -> list[Framework]:
    """Return the frameworks in use: those that a run imported, else those that are installed."""
    names = _list_packages(record)
    return [framework for framework in FRAMEWORKS if not framework.packages or names & set(framework.packages)]


def _list_packages(record: Record) -> set[str]:
    snapshot = (record.end or record.start) if isinstance(record, Run) else record
    facet = snapshot.facets.get("packages")
    if facet is None:
        return set()
    kinds = [
        {path[1] for path, fact in facet.facts.items() if path[:1] == (kind,) and isinstance(fact, Observed)}
        for kind in ("imported", "installed")
    ]
    return kinds[0] or kinds[1]


def write_exports(exports: Sequence[Export], left: Sequence[Reason]) -> Iterator[str]:
    """Yield the lines of a shell script; ``left`` is what no variable removes."""
    for export in exports:
        yield f"# {export.why}"
        yield f"# cost: {export.cost} ({export.source})"
        yield f"export {export.name}={export.value}"
    if not exports:
        yield "# nothing was found that an environment variable removes"
    for remedy in dict.fromkeys(_one_line(gate.remedy) for gate in left if gate.remedy):
        yield f"# not by a variable: {remedy}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def write_code(frameworks: Sequence[Framework]) -> Iterator[str]:
    """Yield the lines of Python that a program begins with."""
    for framework in frameworks:
        yield f"# {framework.name}; cost: {framework.cost} ({framework.source})"
        yield from framework.lines


def remedies_json(exports: Sequence[Export], frameworks: Sequence[Framework]) -> dict[str, Any]:
    """Return the same as parts of the answer of ``doctor``."""
    return {
        "exports": [
            {
                "rule": one.rule,
                "name": one.name,
                "value": one.value,
                "why": one.why,
                "cost": one.cost,
                "source": one.source,
            }
            for one in exports
        ],
        "code": [
            {"framework": one.name, "lines": list(one.lines), "cost": one.cost, "source": one.source}
            for one in frameworks
        ],
    }
