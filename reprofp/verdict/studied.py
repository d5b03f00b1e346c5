"""Packages of which it is known what they let reach results, so that a program's own sources decide.

``usage.calls`` tells on what the program's own sources may depend, and not what the packages do that it imports. For the
packages listed here that was looked at: they sort what a set gives before it reaches a result, read no environment variable
without a rule, take no local time or locale into account unless they are asked by a name that ``asks.py`` knows, and reach
transcendental functions and matrix products only through such names where the kind's own list says so. A package that is
not listed leaves unknown whether the factor is active.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["COMPUTED", "OF_NUMPY", "studied_for"]

COMPUTED = frozenset({"functions", "products", "sorting"})
"""Kinds that a package which was not looked at is taken to use: to compute is what most are for."""

_PLUMBING = frozenset(
    "_distutils_hack asyncio attr attrs certifi charset_normalizer click cloudpickle colorama concurrent ctypes cycler dateutil "  # noqa: SIM905
    "distutils exceptiongroup filelock fsspec idna iniconfig jinja2 joblib loky markupsafe multiprocessing narwhals packaging "
    "pip pkg_resources platformdirs pluggy psutil pygments pytz random rich secrets setuptools six sqlite3 subprocess tabulate "
    "termcolor threading threadpoolctl toml tomli tqdm typing_extensions tzdata urllib3 uuid wcwidth yaml zipp _cyutility "
    "_yaml pynvml msgpack zstandard cffi _cffi_backend pycparser cpuinfo safetensors h5py pydot pyparsing".split()
)
"""What shows, fetches, starts or copies, and computes nothing: the standard library's notable modules among them."""

_ARRAYS = frozenset({"numpy", "pandas", "ml_dtypes"})
"""What computes by the names that it is asked by."""

_SCIPY_PARTS = frozenset({"_csparsetools", "_moduleTNC", "_ni_label"})
_COMPUTING = (
    _ARRAYS
    | frozenset(
        "scipy sklearn torch torchgen functorch torchvision triton jax jaxlib opt_einsum mpmath sympy xgboost lightgbm".split()  # noqa: SIM905
    )
    | _SCIPY_PARTS
)
"""What computes by names of its own: models, solvers, networks."""

_ALL = _PLUMBING | _COMPUTING
_READ_VARIABLES = frozenset({"click", "fsspec", "jinja2", "pip", "setuptools", "pkg_resources", "toml"})
"""What may read variables that the program names to it, or that its files name."""
_NUMERIC = _PLUMBING | _ARRAYS
OF_NUMPY = {f"numpy-{kind}": kind for kind in ("functions", "products", "sorting")}
"""Kinds of what only numpy's own loops and its BLAS do, and the kinds that a source asks for them by.

PyTorch brings kernels of its own, and hands no computation to numpy; what it brings along, sympy and its like, computes with integers.
"""
_BESIDE_NUMPY = _NUMERIC | {"torch", "torchgen", "functorch", "sympy", "mpmath", "opt_einsum"}
_TORCH = _ALL - {"torchvision"}
_BY_KIND: Mapping[str, frozenset[str]] = {
    "addresses": _ALL,
    "asserts": _ALL,
    "encoding": _ALL,
    "environ": _ALL - _READ_VARIABLES,
    "functions": _NUMERIC,
    "hashing": _ALL,
    "jobs": _ALL,
    "local_time": _ALL,
    "locale": _ALL,
    "products": _NUMERIC,
    **dict.fromkeys(OF_NUMPY, _BESIDE_NUMPY),
    "scatter": _TORCH,
    "sorting": _NUMERIC,
    "workers": _PLUMBING
    | _ARRAYS
    | frozenset({"scipy", "sklearn", "torch", "torchgen", "sympy", "mpmath", "opt_einsum"} | _SCIPY_PARTS),
}
"""By kind of what is asked: the packages beside which the program's own sources decide."""


def studied_for(kind: str) -> frozenset[str] | None:
    """Return the modules beside which silence about ``kind`` counts; None for a kind that does not exist."""
    return _BY_KIND.get(kind)
