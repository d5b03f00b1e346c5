"""Evidence: what was measured or came out, beside what rules think.

Numerics classes say what two machines actually compute. Where those of every backend that the runs
could use were measured on both sides and agree, in every process, a factor that they would show lowers
only what is promised; where one differs, the bits can differ, whatever the rules thought; and one that is
not stable within a process is unsafe on both sides alike. Outputs of two runs that differ are the last
word about the bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reprofp.model.observations import Observation, Observed, Unknown, Value
from reprofp.model.paths import FactPath
from reprofp.model.records import Record, Run
from reprofp.model.schema import Side
from reprofp.verdict.activity import Condition, any_of, read_condition
from reprofp.verdict.comparing import same_fact
from reprofp.verdict.levels import Level
from reprofp.verdict.results import Reason
from reprofp.verdict.views import NOT_ASKED, View

__all__ = [
    "MEASURED_EQUAL",
    "Numerics",
    "compare_endings",
    "compare_numerics",
    "compare_outputs",
    "count_equal_outputs",
]

MEASURED_EQUAL = "measured equal"

_BACKENDS: Mapping[str, Condition] = {
    "libm": read_condition("always"),
    "numpy": read_condition({"module": "numpy"}),
    "scipy": read_condition({"module": "scipy"}),
    "torch_cpu": read_condition({"module": "torch"}),
    "torch_cuda": read_condition({"all": [{"module": "torch"}, {"gpu": True}]}),
    "jax": read_condition({"module": ["jax", "jaxlib"]}),
    "jax_gpu": read_condition({"all": [{"module": ["jax", "jaxlib"]}, {"gpu": True}]}),
    "tensorflow": read_condition({"module": "tensorflow"}),
    "tensorflow_gpu": read_condition({"all": [{"module": "tensorflow"}, {"gpu": True}]}),
    "cupy": read_condition({"module": "cupy"}),
}
"""By the second part of a path ``numerics.BACKEND.FAMILY``: whether a run could use the backend."""

_REACHED: Mapping[tuple[str, str], Condition] = {
    **{
        ("numpy", family): read_condition({"asks": ["numpy-products"]})
        for family in ("matmul", "convolution", "linalg")
    },
    **{
        ("numpy", family): read_condition({"asks": ["numpy-functions"]})
        for family in ("elementwise", "softmax", "fft", "normalisation")
    },
    ("numpy", "attention"): read_condition({"all": [{"asks": "numpy-functions"}, {"asks": "numpy-products"}]}),
    ("numpy", "sorting"): read_condition({"asks": ["numpy-sorting"]}),
    ("libm", "elementwise"): read_condition({"asks": ["functions"]}),
}
"""By backend and family: whether the program can have reached such kernels at all; always, where nothing is said."""

_UNMEASURED = (
    *("bitsandbytes", "catboost", "cudf", "cuml", "cv2", "deepspeed", "faiss", "flash_attn", "implicit", "lightgbm"),
    *("llama_cpp", "mlx", "mxnet", "numba", "numexpr", "onnxruntime", "openvino", "paddle", "polars", "pyarrow"),
    *("skimage", "spacy", "statsmodels", "tensorrt", "tflite_runtime", "thinc", "triton", "vllm", "xformers"),
    "xgboost",
)
"""Modules that compute in compiled code of their own, for which there are no kernels."""
_UNMEASURED_USED = read_condition({"module": list(_UNMEASURED)})

_UNSTABLE = ":unstable"
_INSTALLED = ("packages", "installed")


@dataclass(frozen=True, slots=True)
class _Class:
    """One class on both sides, and whether its backend was used, or None where that is not known."""

    path: FactPath
    a: Observation
    b: Observation
    used: bool | None

    @property
    def is_unstable(self) -> bool:
        """Whether a side gave different bits for the same input."""
        return any(isinstance(fact, Observed) and str(fact.value).endswith(_UNSTABLE) for fact in (self.a, self.b))

    @property
    def is_equal(self) -> bool:
        """Whether both sides were measured to compute the same bits, and each to repeat them."""
        return same_fact(self.a, self.b) and not self.is_unstable

    @property
    def differs(self) -> bool:
        """Whether the same kernels gave other bits."""
        if not isinstance(self.a, Observed) or not isinstance(self.b, Observed) or self.is_unstable:
            return False
        return _revision(self.a) == _revision(self.b) and not same_fact(self.a, self.b)


def _revision(fact: Observed) -> str:
    """Return the version of the kernels that a class was measured with."""
    revision, colon, _ = str(fact.value).partition(":")
    return revision if colon else ""


@dataclass(frozen=True, slots=True)
class Numerics:
    """What the numerics classes of two records say."""

    equal: bool
    """Whether every backend that the runs could use was measured on both sides, and all classes agree."""
    classes: tuple[_Class, ...] = ()
    """The classes of backends that can have been used."""

    def reasons(self) -> Iterator[Reason]:
        """Yield a reason for each backend with classes that differ, and one for each with classes that vary."""
        for backend in sorted({item.path[1] for item in self.classes}):
            of_backend = [item for item in self.classes if item.path[1] == backend]
            differing = [item for item in of_backend if item.differs]
            unstable = [item for item in of_backend if item.is_unstable]
            if differing:
                yield _tell_differing(backend, differing, len(of_backend))
            if unstable:
                yield _tell_unstable(backend, unstable)


def _tell_differing(backend: str, classes: Sequence[_Class], measured: int) -> Reason:
    families = ", ".join(item.path[-1] for item in classes)
    return Reason(
        classes[0].path,
        classes[0].a,
        classes[0].b,
        "evidence",
        Side.CONDITIONS,
        "numerics.classes",
        "active" if classes[0].used else "unknown",
        Level.STATISTICAL,
        "both" if classes[0].used else "promised",
        f"measured: the two compute different bits for the same input ({backend}: {len(classes)} of {measured} "
        f"classes differ: {families})",
        "remove the differences that are named beside this one, or compare with a tolerance",
        "measured",
        "numerics kernels of both records",
    )


def _tell_unstable(backend: str, classes: Sequence[_Class]) -> Reason:
    families = ", ".join(item.path[-1] for item in classes)
    return Reason(
        classes[0].path,
        classes[0].a,
        classes[0].b,
        "gate",
        Side.CONDITIONS,
        "numerics.unstable",
        "active" if classes[0].used else "unknown",
        Level.STATISTICAL,
        "both" if classes[0].used else "promised",
        f"measured: {backend} gave different bits for the same input in one process ({families})",
        "reprofp numerics --kernels names the operations; use deterministic algorithms, or compare with a tolerance",
        "measured",
        "numerics kernels of the records",
    )


def compare_numerics(pairs: Iterable[tuple[View | None, View | None]]) -> Numerics:
    """Compare the numerics classes of the processes of two sides, each with its partner, if it has one."""
    equal, found = True, dict[tuple[object, ...], _Class]()
    for a, b in pairs:
        if a is None or b is None:
            equal = False
            continue
        classes, complete = _compare_views(a, b)
        equal = equal and complete and all(item.is_equal for item in classes)
        for item in classes:
            if item.differs or item.is_unstable or item.path not in found:
                found[item.path] = item
    return Numerics(equal, tuple(found[path] for path in sorted(found)))


def _compare_views(a: View, b: View) -> tuple[list[_Class], bool]:
    """Return the classes of every backend that can have been used, and whether nothing is missing."""
    classes_a, classes_b = _classes(a), _classes(b)
    if not classes_a and not classes_b:
        return [], False
    found: list[_Class] = []
    complete = not _may_be(_UNMEASURED_USED, _UNMEASURED, a, b)
    for name in sorted({path[1] for path in (*classes_a, *classes_b)} | _BACKENDS.keys()):
        used = _is_used(name, a, b)
        if used is False:
            continue
        paths = sorted(path for path in {**classes_a, **classes_b} if path[1] == name)
        complete = complete and bool(paths)
        paths = [path for path in paths if _is_reached(path, a, b)]
        found += [_Class(path, classes_a.get(path, NOT_ASKED), classes_b.get(path, NOT_ASKED), used) for path in paths]
    return found, complete


def _is_used(backend: str, a: View, b: View) -> bool | None:
    condition = _BACKENDS.get(backend)
    if condition is None:
        return None
    used = any_of(condition.evaluate(view, ()) for view in (a, b))
    if used is None and not _may_be(condition, (backend.partition("_")[0],), a, b):
        return False
    return used


def _is_reached(path: FactPath, a: View, b: View) -> bool:
    """Whether a side can have used operations of a class's family, or nothing says that it has not."""
    condition = _REACHED.get((path[1], path[-1]))
    return condition is None or any_of(condition.evaluate(view, ()) for view in (a, b)) is not False


def _may_be(condition: Condition, packages: Sequence[str], a: View, b: View) -> bool:
    """Whether a condition may hold; where that is not known, whether a package of such a name is installed."""
    truth = any_of(condition.evaluate(view, ()) for view in (a, b))
    return truth or (truth is None and any(_may_have(packages, view) for view in (a, b)))


def _may_have(packages: Sequence[str], view: View) -> bool:
    if isinstance(view.look_up(_INSTALLED), Unknown):
        return True
    prefixes = tuple(name.replace("_", "-") for name in packages)
    return any(name.startswith(prefixes) for name in view.names_below(_INSTALLED))


def _classes(view: View) -> dict[FactPath, Observation]:
    facet = view.facets.get("numerics")
    if facet is None:
        return {}
    return {path: fact for path, fact in facet.walk() if len(path) > 1}


def compare_outputs(a: Record, b: Record) -> Iterator[Reason]:
    """Yield a reason for each output of two runs whose digests differ."""
    for name, digest_a, digest_b in _shared_outputs(a, b):
        if digest_a != digest_b:
            yield Reason(
                ("outputs", name),
                Observed(digest_a),
                Observed(digest_b),
                "evidence",
                Side.CONDITIONS,
                "outputs",
                "active",
                Level.STATISTICAL,
                "both",
                "the outputs of the two runs differ: whatever was expected, they did not give the same bits",
                "repeat one run under the same conditions to see whether it differs from itself",
                "measured",
                "outputs of both runs",
            )


def compare_endings(a: Record, b: Record) -> Iterator[Reason]:
    """Yield a reason where two runs are known to have ended differently: they did not do the same work."""
    if not isinstance(a, Run) or not isinstance(b, Run):
        return
    codes = (a.result.exit_code, b.result.exit_code)
    if None not in codes and codes[0] != codes[1]:
        yield Reason(
            ("result", "exit_code"),
            Observed(codes[0]),
            Observed(codes[1]),
            "evidence",
            Side.CONDITIONS,
            "endings",
            "active",
            Level.FUNCTIONAL,
            "both",
            "the runs ended differently, so they did not do the same work",
            "find out why one of them failed, and compare with one that did not",
            "measured",
            "exit codes of both runs",
        )


def count_equal_outputs(a: Record, b: Record) -> tuple[int, int]:
    """Return how many outputs both runs have with equal digests, and how many both have."""
    shared = list(_shared_outputs(a, b))
    return sum(digest_a == digest_b for _name, digest_a, digest_b in shared), len(shared)


def _shared_outputs(a: Record, b: Record) -> Iterator[tuple[str, str, str]]:
    if not isinstance(a, Run) or not isinstance(b, Run):
        return
    for name, output in a.result.outputs.items():
        digest_a, digest_b = _digest(output), _digest(b.result.outputs.get(name, {}))
        if digest_a and digest_b and digest_a.split(":")[0] == digest_b.split(":")[0]:
            yield name, digest_a, digest_b


def _digest(output: Mapping[str, Value]) -> str:
    digest = output.get("digest")
    return digest if isinstance(digest, str) else ""
