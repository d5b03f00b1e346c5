"""numpy's kernels: its BLAS and LAPACK, its loops for vectors of the processor, sorting, random streams, casts.

Shapes cross what libraries decide by: tails of vectors (odd sizes), the 128 elements of pairwise sums, the
sizes from which OpenBLAS shares work among threads (10,000 in a dot product, 2^18 products in a matrix
product, 9,216 elements in a matrix-vector product).
"""

from __future__ import annotations

import sys
from functools import partial

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, TypeAlias

    Kernels: TypeAlias = list[tuple[str, Callable[[], Any]]]

REVISION = 1

_UNARY = "exp expm1 exp2 sin cos tan tanh sinh arctan arcsinh cbrt square reciprocal"
_POSITIVE = "log log2 log10 log1p sqrt arccosh"


def is_used(_backend: str) -> bool:
    """Whether numpy is there in full, and not only being imported."""
    return hasattr(sys.modules.get("numpy"), "ndarray")


class State:
    """numpy itself, and a context in which it tells nobody of overflows."""

    def __init__(self) -> None:
        """Enter the context."""
        self.numpy: Any = sys.modules["numpy"]
        self._quiet = self.numpy.errstate(all="ignore")
        self._quiet.__enter__()

    def close(self) -> None:
        """Restore how errors are handled."""
        self._quiet.__exit__(None, None, None)


def open_backend(_backend: str, _options: Any) -> State:
    """Prepare numpy."""
    return State()


def close_backend(state: State) -> None:
    """Leave numpy as it was."""
    state.close()


def to_bytes(result: Any) -> tuple[bytes, ...]:
    """Return the output's bits."""
    parts = result if isinstance(result, (tuple, list)) else (result,)
    return tuple(part.tobytes() for part in parts)


class Arrays:
    """Arrays of fixed content."""

    def __init__(self, numpy: Any, inputs: Any) -> None:
        """Make arrays of ``numpy`` from ``inputs``."""
        self._numpy, self._inputs = numpy, inputs

    def __call__(self, kind: str, *shape: int, label: str = "", positive: bool = False) -> Any:
        """Return a new array."""
        count = 1
        for length in shape:
            count *= length
        data = self._inputs.make(kind, count, label, positive=positive)
        return self._numpy.frombuffer(data, dtype="<" + kind).reshape(shape).copy()


def list_kernels(state: State, inputs: Any) -> Iterator[tuple[str, Kernels]]:
    """Yield each family with its kernels; those of parts of numpy that are not loaded are left out."""
    numpy = state.numpy
    make = Arrays(numpy, inputs)
    yield "matmul", _list_matmul(numpy, make)
    yield "convolution", _list_convolution(numpy, make)
    yield "reduction", _list_reduction(numpy, make)
    yield "softmax", _list_softmax(numpy, make)
    yield "attention", _list_attention(numpy, make)
    yield "elementwise", _list_elementwise(numpy, make)
    yield "normalisation", _list_normalisation(make)
    yield "casts", _list_casts(numpy, make)
    yield "sorting", _list_sorting(numpy, make)
    if "numpy.linalg" in sys.modules:
        yield "linalg", _list_linalg(numpy, make)
    if hasattr(sys.modules.get("numpy.random"), "Generator"):
        yield "random", _list_random(sys.modules["numpy.random"])
    if any(name in sys.modules for name in ("numpy.fft._pocketfft", "numpy.fft")):
        yield "fft", _list_fft(sys.modules["numpy.fft"], make)


def _list_matmul(numpy: Any, make: Arrays) -> Kernels:
    kernels = [kernel for kind in ("f4", "f8") for kernel in _list_matmul_of(numpy, make, kind)]
    z = make("f8", 40, 40) + 1j * make("f8", 40, 40, label="i")
    return [*kernels, ("complex", lambda: z @ z)]


def _list_matmul_of(numpy: Any, make: Arrays, kind: str) -> Kernels:
    a, b = make(kind, 33, 65), make(kind, 65, 17, label="b")
    c, d = make(kind, 96, 701), make(kind, 701, 131, label="d")
    e, f, v = make(kind, 200, 333), make(kind, 20011), make(kind, 333, label="v")
    g, s = make(kind, 20011, label="g"), make(kind, 4, 30, 30)
    kernels: Kernels = [
        ("small." + kind, lambda: a @ b),
        ("large." + kind, lambda: c @ d),
        ("transposed." + kind, lambda: c @ c.T),
        ("vector." + kind, lambda: e @ v),
        ("vector_transposed." + kind, lambda: e.T @ v[:200]),
        ("dot." + kind, lambda: f @ g),
        ("dot_short." + kind, lambda: f[:999] @ g[:999]),
        ("batch." + kind, lambda: s @ s),
        ("einsum." + kind, lambda: numpy.einsum("ij,jk->ik", a, b)),
        ("einsum_dot." + kind, lambda: numpy.einsum("i,i->", f, g)),
    ]
    return kernels


def _list_convolution(numpy: Any, make: Arrays) -> Kernels:
    x, k = make("f4", 3001), make("f4", 31, label="k")
    y, m = make("f8", 1001), make("f8", 127, label="k")
    return [
        ("convolve.f4", lambda: numpy.convolve(x, k)),
        ("correlate.f8", lambda: numpy.correlate(y, m, "same")),
    ]


def _list_reduction(numpy: Any, make: Arrays) -> Kernels:
    kernels = [kernel for kind in ("f4", "f8") for kernel in _list_reduction_of(numpy, make, kind)]
    h = make("f2", 3001)
    return [*kernels, ("sum.f2", h.sum), ("add_at", lambda: _add_at(numpy, make))]


def _list_reduction_of(numpy: Any, make: Arrays, kind: str) -> Kernels:
    x, m = make(kind, 50021), make(kind, 129, 257)
    kernels: Kernels = [
        ("sum." + kind, lambda: x.sum()),
        ("sum_rows." + kind, lambda: m.sum(axis=1)),
        ("sum_columns." + kind, lambda: m.sum(axis=0)),
        ("sum_strided." + kind, lambda: x[::3].sum()),
        ("mean." + kind, lambda: m.mean()),
        ("var." + kind, lambda: m.var(axis=0)),
        ("cumsum." + kind, lambda: x[:2001].cumsum()),
        ("prod." + kind, lambda: x[:61].prod()),
        ("norm." + kind, lambda: numpy.sqrt((m * m).sum())),
        ("logaddexp." + kind, lambda: numpy.logaddexp.reduce(x[:301])),
    ]
    return kernels


def _add_at(numpy: Any, make: Arrays) -> Any:
    total = numpy.zeros(256, dtype="<f4")
    numpy.add.at(total, make("i8", 2000), make("f4", 2000))
    return total


def _softmax(numpy: Any, x: Any) -> Any:
    e = numpy.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _list_softmax(numpy: Any, make: Arrays) -> Kernels:
    x, y = make("f4", 33, 257), make("f8", 33, 257)
    return [("rows.f4", lambda: _softmax(numpy, x)), ("rows.f8", lambda: _softmax(numpy, y))]


def _list_attention(numpy: Any, make: Arrays) -> Kernels:
    q, k, v = (make("f4", 2, 65, 32, label=label) for label in "qkv")
    return [("plain.f4", lambda: _softmax(numpy, q @ k.transpose(0, 2, 1) / 8) @ v)]


def _list_elementwise(numpy: Any, make: Arrays) -> Kernels:
    kernels = [kernel for kind in ("f4", "f8") for kernel in _list_elementwise_of(numpy, make, kind)]
    z = make("f8", 301) + 1j * make("f8", 301, label="i")
    h = make("f2", 515)
    return [
        *kernels,
        ("exp.complex", lambda: numpy.exp(z)),
        ("multiply.complex", lambda: z * z),
        ("abs.complex", lambda: numpy.abs(z)),
        ("exp.f2", lambda: numpy.exp(h)),
    ]


def _list_elementwise_of(numpy: Any, make: Arrays, kind: str) -> Kernels:
    x, p, y = make(kind, 1031), make(kind, 1031, positive=True), make(kind, 1031, label="y")
    unit = x / 16
    kernels: Kernels = [("%s.%s" % (name, kind), partial(getattr(numpy, name), x)) for name in _UNARY.split()]
    kernels += [("%s.%s" % (name, kind), partial(getattr(numpy, name), p + 1)) for name in _POSITIVE.split()]
    kernels += [
        ("arcsin." + kind, lambda: numpy.arcsin(unit)),
        ("arccos." + kind, lambda: numpy.arccos(unit)),
        ("arctanh." + kind, lambda: numpy.arctanh(unit)),
        ("power." + kind, lambda: numpy.power(p, y)),
        ("arctan2." + kind, lambda: numpy.arctan2(x, y)),
        ("hypot." + kind, lambda: numpy.hypot(x, y)),
        ("multiply_add." + kind, lambda: x * y + x),
        ("exp_strided." + kind, lambda: numpy.exp(x[::3])),
        ("large_sin." + kind, lambda: numpy.sin(x * 100000)),
    ]
    return kernels


def _normalise(x: Any) -> Any:
    return (x - x.mean(axis=-1, keepdims=True)) / (x.var(axis=-1, keepdims=True) + 1e-5) ** 0.5


def _list_normalisation(make: Arrays) -> Kernels:
    x, y = make("f4", 33, 257), make("f8", 33, 257)
    return [("layer.f4", lambda: _normalise(x)), ("layer.f8", lambda: _normalise(y))]


def _list_casts(numpy: Any, make: Arrays) -> Kernels:
    x, y, h = make("f8", 515), make("f4", 515), make("f2", 515)
    tiny = numpy.array([2.0**-126, 2.0**-1022], dtype="<f8")
    small = tiny.astype("<f4")[0]
    return [
        ("f8_f4", lambda: x.astype("<f4")),
        ("f4_f2", lambda: y.astype("<f2")),
        ("f2_f4", lambda: h.astype("<f4")),
        ("f8_i4", lambda: (x * 100).astype("<i4")),
        ("overflow_i4", lambda: (x * 1e12).astype("<i4")),
        ("overflow_u1", lambda: (y * 1000).astype("u1")),
        ("rint", lambda: numpy.rint(y * 16)),
        ("denormal.f4", lambda: y * small),
        ("denormal.f8", lambda: x * tiny[1]),
        ("from_denormal.f4", lambda: (y * small) * numpy.float32(2.0**120)),
    ]


def _list_sorting(numpy: Any, make: Arrays) -> Kernels:
    """List what depends on the algorithm: where equal keys land, and what a partition leaves in which order."""
    x, ties, wide = make("f4", 2001), make("i8", 2001), make("f8", 1009)
    short = ties.astype("<i2")
    return [
        ("argsort.f4", lambda: x.argsort()),
        ("argsort_ties.i8", lambda: ties.argsort()),
        ("argsort_ties.i4", lambda: ties.astype("<i4").argsort()),
        ("argsort_ties.i2", lambda: short.argsort()),
        ("argsort_ties.f8", lambda: numpy.rint(wide * 4).argsort()),
        ("argsort_ties.f4", lambda: numpy.rint(x * 4).argsort()),
        ("argpartition.f4", lambda: x.argpartition(700)),
        ("argpartition_ties.i8", lambda: ties.argpartition(700)),
        ("partition.f8", lambda: numpy.partition(wide, 300)),
        ("partition.i4", lambda: numpy.partition(ties.astype("<i4"), 300)),
        ("heapsort_ties", lambda: ties.argsort(kind="heapsort")),
        ("unique", lambda: numpy.unique(ties, return_index=True)),
    ]


def _list_linalg(numpy: Any, make: Arrays) -> Kernels:
    linalg = sys.modules["numpy.linalg"]
    kernels = [kernel for kind in ("f4", "f8") for kernel in _list_linalg_of(numpy, make, kind)]
    wide = make("f8", 160, 160)
    return [*kernels, ("solve_large.f8", lambda: linalg.solve(wide + 160 * numpy.eye(160), wide))]


def _list_linalg_of(numpy: Any, make: Arrays, kind: str) -> Kernels:
    linalg = sys.modules["numpy.linalg"]
    a, b = make(kind, 67, 67), make(kind, 67, 5, label="b")
    s = a @ a.T + 67 * numpy.eye(67, dtype=a.dtype)
    t = make(kind, 50, 20)
    kernels: Kernels = [
        ("solve." + kind, lambda: linalg.solve(s, b)),
        ("inv." + kind, lambda: linalg.inv(s)),
        ("det." + kind, lambda: linalg.det(s / 67)),
        ("cholesky." + kind, lambda: linalg.cholesky(s)),
        ("qr." + kind, lambda: linalg.qr(a)),
        ("svd." + kind, lambda: linalg.svd(t, full_matrices=False)),
        ("eigh." + kind, lambda: linalg.eigh(s[:40, :40])),
        ("eig." + kind, lambda: linalg.eig(a[:24, :24])),
        ("lstsq." + kind, lambda: linalg.lstsq(t, b[:50], rcond=None)[0]),
        ("norm." + kind, lambda: linalg.norm(a)),
    ]
    return kernels


def _list_random(random: Any) -> Kernels:
    def make(name: str = "PCG64") -> Any:
        return random.Generator(getattr(random, name)(random.SeedSequence(20011)))

    def make_legacy() -> Any:
        return random.RandomState(random.MT19937(random.SeedSequence(20011)))

    def draw(name: str) -> Any:
        return make(name).random(101)

    streams = [(name.lower(), partial(draw, name)) for name in ("PCG64", "MT19937", "Philox", "SFC64")]
    return [
        *streams,
        ("normal", lambda: make().standard_normal(501)),
        ("normal.f4", lambda: make().standard_normal(501, dtype="f4")),
        ("exponential", lambda: make().standard_exponential(501)),
        ("gamma", lambda: make().standard_gamma(0.7, 201)),
        ("beta", lambda: make().beta(2.0, 3.0, 101)),
        ("poisson", lambda: make().poisson(30.0, 201)),
        ("binomial", lambda: make().binomial(100, 0.3, 101)),
        ("integers", lambda: make().integers(0, 1000, 501)),
        ("permutation", lambda: make().permutation(501)),
        ("choice", lambda: make().choice(501, 60, replace=False)),
        ("legacy_normal", lambda: make_legacy().standard_normal(201)),
        ("legacy_gamma", lambda: make_legacy().standard_gamma(0.7, 101)),
        ("legacy_permutation", lambda: make_legacy().permutation(201)),
    ]


def _list_fft(fft: Any, make: Arrays) -> Kernels:
    x, y = make("f8", 1024), make("f4", 997)
    return [
        ("rfft.f8", lambda: fft.rfft(x)),
        ("fft_prime.f4", lambda: fft.fft(y)),
        ("fft2.f8", lambda: fft.fft2(x.reshape(32, 32))),
    ]
