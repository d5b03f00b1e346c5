"""TensorFlow's kernels on the CPU: Eigen's and oneDNN's, run eagerly.

Gradients are computed by the operators that the backward pass calls, so that no tape records them; random
streams are the stateless ones, so that no generator moves.
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
_UNARY = "exp sin cos tanh sigmoid erf expm1 atan"


def is_used(_backend: str) -> bool:
    """Whether tensorflow is there in full."""
    return hasattr(sys.modules.get("tensorflow"), "device")


def open_backend(_backend: str, _options: Any) -> Any:
    """Return the CPU's context, entered: it alone says where operators run."""
    place = sys.modules["tensorflow"].device("/CPU:0")
    place.__enter__()
    return place


def close_backend(state: Any) -> None:
    """Restore where operators run."""
    state.__exit__(None, None, None)


def to_bytes(result: Any) -> tuple[bytes, ...]:
    """Return the output's bits."""
    parts = result if isinstance(result, (tuple, list)) else (result,)
    return tuple(part.numpy().tobytes() for part in parts)


def list_kernels(_state: Any, inputs: Any) -> Iterator[tuple[str, Kernels]]:
    """Yield each family with its kernels."""
    tensorflow, numpy = sys.modules["tensorflow"], sys.modules["numpy"]

    def make(kind: str, *shape: int, label: str = "") -> Any:
        count = 1
        for length in shape:
            count *= length
        data = inputs.make(kind, count, label)
        return tensorflow.constant(numpy.frombuffer(data, dtype="<" + kind).reshape(shape))

    for family, list_family in _FAMILIES:
        yield family, list_family(tensorflow, make)


def _list_matmul(tensorflow: Any, make: Any) -> Kernels:
    a, b, v = make("f4", 33, 65), make("f4", 65, 17, label="b"), make("f4", 701, 1, label="v")
    c, d, s = make("f4", 96, 701), make("f4", 701, 131, label="d"), make("f4", 6, 30, 30)
    e = make("f8", 96, 301)
    return [
        ("small.f4", lambda: tensorflow.matmul(a, b)),
        ("large.f4", lambda: tensorflow.matmul(c, d)),
        ("vector.f4", lambda: tensorflow.matmul(c, v)),
        ("batch.f4", lambda: tensorflow.matmul(s, s)),
        ("transposed.f8", lambda: tensorflow.matmul(e, e, transpose_b=True)),
        ("half.bf2", lambda: tensorflow.cast(tensorflow.matmul(_half(tensorflow, c), _half(tensorflow, d)), "float32")),
    ]


def _half(tensorflow: Any, x: Any) -> Any:
    return tensorflow.cast(x, tensorflow.bfloat16)


def _list_convolution(tensorflow: Any, make: Any) -> Kernels:
    raw = tensorflow.raw_ops
    x, w, g = make("f4", 4, 17, 17, 12), make("f4", 3, 3, 12, 20, label="w"), make("f4", 4, 17, 17, 20, label="g")
    shared = {"strides": [1, 1, 1, 1], "padding": "SAME"}
    return [
        ("plain", lambda: raw.Conv2D(input=x, filter=w, **shared)),
        ("weights", lambda: raw.Conv2DBackpropFilter(input=x, filter_sizes=[3, 3, 12, 20], out_backprop=g, **shared)),
        ("inputs", lambda: raw.Conv2DBackpropInput(input_sizes=[4, 17, 17, 12], filter=w, out_backprop=g, **shared)),
    ]


def _list_reduction(tensorflow: Any, make: Any) -> Kernels:
    x, m, i = make("f4", 100003), make("f4", 259, 257), make("i8", 3000)
    return [
        ("sum", lambda: tensorflow.reduce_sum(x)),
        ("sum_rows", lambda: tensorflow.reduce_sum(m, 1)),
        ("sum_columns", lambda: tensorflow.reduce_sum(m, 0)),
        ("mean", lambda: tensorflow.reduce_mean(m)),
        ("cumsum", lambda: tensorflow.cumsum(x[:4001])),
        ("segments", lambda: tensorflow.math.unsorted_segment_sum(x[:3000], i, 256)),
    ]


def _list_softmax(tensorflow: Any, make: Any) -> Kernels:
    x = make("f4", 65, 257)
    return [("rows", lambda: tensorflow.nn.softmax(x)), ("logarithm", lambda: tensorflow.nn.log_softmax(x))]


def _list_attention(tensorflow: Any, make: Any) -> Kernels:
    q, k, v = (make("f4", 8, 65, 32, label=label) for label in "qkv")
    matmul, softmax = tensorflow.matmul, tensorflow.nn.softmax
    return [("composed", lambda: matmul(softmax(matmul(q, k, transpose_b=True) / 5.6568), v))]


def _list_elementwise(tensorflow: Any, make: Any) -> Kernels:
    x, y = make("f4", 1031), make("f8", 519)
    functions = [(name, getattr(tensorflow.math, name)) for name in _UNARY.split()]
    of_single = [(name + ".f4", partial(function, x)) for name, function in functions]
    of_double = [(name + ".f8", partial(function, y)) for name, function in functions]
    return [
        *of_single,
        *of_double,
        ("log.f4", lambda: tensorflow.math.log(tensorflow.abs(x))),
        ("pow.f4", lambda: tensorflow.pow(tensorflow.abs(x), x)),
        ("rsqrt.f4", lambda: tensorflow.math.rsqrt(tensorflow.abs(x))),
    ]


def _list_normalisation(tensorflow: Any, make: Any) -> Kernels:
    image, c = make("f4", 4, 17, 17, 12), make("f4", 12, label="c")
    fused = tensorflow.raw_ops.FusedBatchNormV3
    empty = tensorflow.zeros([0])
    return [("batch", lambda: fused(x=image, scale=c, offset=c, mean=empty, variance=empty, is_training=True)[:3])]


def _list_random(tensorflow: Any, make: Any) -> Kernels:
    random, seed = tensorflow.random, [20011, 7]
    return [
        ("uniform", lambda: random.stateless_uniform([501], seed=seed)),
        ("normal", lambda: random.stateless_normal([501], seed=seed)),
    ]


def _list_casts(tensorflow: Any, make: Any) -> Kernels:
    x = make("f4", 515)
    return [
        ("f4_f2", lambda: tensorflow.cast(x, "float16")),
        ("f4_i4", lambda: tensorflow.cast(x * 100, "int32")),
        ("denormal", lambda: x * 2.0**-126),
    ]


def _list_linalg(tensorflow: Any, make: Any) -> Kernels:
    a = make("f8", 67, 67)
    s = tensorflow.matmul(a, a, transpose_b=True) + 67 * tensorflow.eye(67, dtype="float64")
    linalg = tensorflow.linalg
    return [
        ("cholesky", lambda: linalg.cholesky(s)),
        ("solve", lambda: linalg.solve(s, a[:, :5])),
        ("svd", lambda: tuple(linalg.svd(a[:40, :20]))),
        ("qr", lambda: tuple(linalg.qr(a))),
    ]


_FAMILIES = (
    ("matmul", _list_matmul),
    ("convolution", _list_convolution),
    ("reduction", _list_reduction),
    ("softmax", _list_softmax),
    ("attention", _list_attention),
    ("elementwise", _list_elementwise),
    ("normalisation", _list_normalisation),
    ("random", _list_random),
    ("casts", _list_casts),
    ("linalg", _list_linalg),
)
