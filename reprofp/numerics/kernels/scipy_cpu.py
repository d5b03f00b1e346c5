"""scipy's kernels: its own BLAS and LAPACK (another library than numpy's), special functions, sparse products.

Only the parts that are loaded are asked: what was not imported, the program cannot have used.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, TypeAlias

    Kernels: TypeAlias = list[tuple[str, Callable[[], Any]]]

REVISION = 1


def is_used(_backend: str) -> bool:
    """Whether scipy and numpy are there."""
    return "scipy" in sys.modules and hasattr(sys.modules.get("numpy"), "ndarray")


def open_backend(_backend: str, options: Any) -> Any:
    """Return numpy's context for quiet overflows, entered; on request with scipy's parts imported."""
    if options.get("import"):
        for part in ("linalg", "special", "sparse", "fft"):
            __import__("scipy." + part)
    quiet = sys.modules["numpy"].errstate(all="ignore")
    quiet.__enter__()
    return quiet


def close_backend(state: Any) -> None:
    """Restore how errors are handled."""
    state.__exit__(None, None, None)


def to_bytes(result: Any) -> tuple[bytes, ...]:
    """Return the output's bits."""
    parts = result if isinstance(result, (tuple, list)) else (result,)
    return tuple(sys.modules["numpy"].asarray(part).tobytes() for part in parts)


def list_kernels(_state: Any, inputs: Any) -> Iterator[tuple[str, Kernels]]:
    """Yield each family with its kernels."""
    numpy = sys.modules["numpy"]

    def make(kind: str, *shape: int, label: str = "", positive: bool = False) -> Any:
        count = 1
        for length in shape:
            count *= length
        data = inputs.make(kind, count, label, positive=positive)
        return numpy.frombuffer(data, dtype="<" + kind).reshape(shape).copy()

    # Constants and pure Python are all that is left of scipy where none of these is loaded.
    yield "casts", [("nothing", lambda: numpy.zeros(1, dtype="u1"))]
    if "scipy.linalg.blas" in sys.modules:
        yield "matmul", _list_matmul(sys.modules["scipy.linalg.blas"], make)
    if "scipy.linalg.lapack" in sys.modules:
        yield "linalg", _list_linalg(sys.modules["scipy.linalg.lapack"], numpy, make)
    if "scipy.special._ufuncs" in sys.modules:
        yield "elementwise", _list_elementwise(sys.modules["scipy.special._ufuncs"], make)
    if hasattr(sys.modules.get("scipy.sparse"), "csr_matrix"):
        yield "reduction", _list_reduction(sys.modules["scipy.sparse"], numpy, make)
    if hasattr(sys.modules.get("scipy.fft"), "rfft"):
        yield "fft", _list_fft(sys.modules["scipy.fft"], make)


def _list_matmul(blas: Any, make: Any) -> Kernels:
    a, b, v = make("f8", 96, 301), make("f8", 301, 65, label="b"), make("f8", 20011)
    c, d = make("f4", 96, 301), make("f4", 301, 65, label="b")
    return [
        ("gemm.f8", lambda: blas.dgemm(1.0, a, b)),
        ("gemm.f4", lambda: blas.sgemm(1.0, c, d)),
        ("gemv.f8", lambda: blas.dgemv(1.0, a, v[:301])),
        ("dot.f8", lambda: blas.ddot(v, v[::-1].copy())),
        ("norm.f8", lambda: blas.dnrm2(v)),
        ("syrk.f8", lambda: blas.dsyrk(1.0, a)),
    ]


def _list_linalg(lapack: Any, numpy: Any, make: Any) -> Kernels:
    a, t = make("f8", 67, 67), make("f8", 50, 20)
    s = a @ a.T + 67 * numpy.eye(67)
    f = s.astype("<f4")
    return [
        ("cholesky.f8", lambda: lapack.dpotrf(s)[0]),
        ("cholesky.f4", lambda: lapack.spotrf(f)[0]),
        ("lu.f8", lambda: lapack.dgetrf(a)[:2]),
        ("eigh.f8", lambda: lapack.dsyevr(s[:40, :40])[:2]),
        ("svd.f8", lambda: lapack.dgesdd(t)[:3]),
        ("qr.f8", lambda: lapack.dgeqrf(a)[0]),
        ("least_squares.f8", lambda: lapack.dgelsd(t, t[:, :3].copy(), 30000, 30000)[0]),
    ]


def _list_elementwise(special: Any, make: Any) -> Kernels:
    x, p, f = make("f8", 301), make("f8", 301, positive=True), make("f4", 301)
    return [
        ("expit.f8", lambda: special.expit(x)),
        ("expit.f4", lambda: special.expit(f)),
        ("erf", lambda: special.erf(x)),
        ("gammaln", lambda: special.gammaln(p)),
        ("psi", lambda: special.psi(p)),
        ("xlogy", lambda: special.xlogy(p, p)),
        ("ndtri", lambda: special.ndtri(p / 16)),
        ("betainc", lambda: special.betainc(p, 2.0, 0.3)),
        ("j0", lambda: special.j0(p)),
    ]


def _list_reduction(sparse: Any, numpy: Any, make: Any) -> Kernels:
    rows, columns = make("i8", 2003, label="r"), make("i8", 2003, label="c")
    matrix = sparse.csr_matrix((make("f8", 2003), (rows, columns)), shape=(256, 256))
    v = make("f8", 256)
    return [("vector", lambda: matrix @ v), ("square", lambda: (matrix @ matrix).toarray() + 0 * numpy.float64(1))]


def _list_fft(fft: Any, make: Any) -> Kernels:
    x, y = make("f8", 1024), make("f4", 997)
    return [("rfft.f8", lambda: fft.rfft(x)), ("fft_prime.f4", lambda: fft.fft(y))]
