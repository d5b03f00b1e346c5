"""PyTorch's kernels, on the CPU and, by the same list, on the GPU that it has started.

Shapes cross what libraries decide by: tails of vectors (odd sizes), the 32,768 elements from which work is
shared among threads, the blocks of oneDNN and MKL, and long inner dimensions for which cuBLAS splits sums.
Gradients are computed by the operators that the backward pass calls, so that no graph is recorded. Every
tensor has its type and device spelled out; overrides of functions (a default device, modes) are off meanwhile.
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

_UNARY = "exp exp2 expm1 sin cos tan tanh sigmoid erf erfc sinh cosh atan asinh"
_POSITIVE = "log log2 log10 log1p sqrt rsqrt lgamma digamma"


def is_used(backend: str) -> bool:
    """Whether torch is there in full; for the GPU, whether torch has started it in this process."""
    torch = sys.modules.get("torch")
    if not hasattr(torch, "no_grad"):
        return False
    return backend == "torch_cpu" or bool(getattr(torch.cuda, "is_initialized", bool)())  # type: ignore[union-attr]


class State:
    """torch itself, a device, and the contexts in which nothing is recorded or overridden."""

    def __init__(self, backend: str) -> None:
        """Enter the contexts."""
        self.torch: Any = sys.modules["torch"]
        self.device = "cuda" if backend == "torch_cuda" else "cpu"
        if self.device == "cuda" and not self.torch.cuda.is_available():
            raise RuntimeError("torch has no GPU")
        self._contexts = [self.torch.no_grad(), self.torch._C.DisableTorchFunction()]  # noqa: SLF001
        if self._is_autocast():
            self._contexts.append(self.torch.autocast(self.device, enabled=False, cache_enabled=False))
        for context in self._contexts:
            context.__enter__()

    def _is_autocast(self) -> bool:
        try:
            return bool(self.torch.is_autocast_enabled(self.device))
        except TypeError:  # older releases: one flag for each device
            return bool(self.torch.is_autocast_enabled() or self.torch.is_autocast_cpu_enabled())

    def close(self) -> None:
        """Leave the contexts."""
        for context in reversed(self._contexts):
            context.__exit__(None, None, None)


def open_backend(backend: str, _options: Any) -> State:
    """Prepare torch on the backend's device."""
    return State(backend)


def close_backend(state: State) -> None:
    """Leave torch as it was."""
    state.close()


def to_bytes(result: Any) -> tuple[bytes, ...]:
    """Return the output's bits."""
    from ctypes import string_at  # torch has loaded it

    parts = result if isinstance(result, (tuple, list)) else (result,)
    tensors = [part.cpu().contiguous() for part in parts if part is not None]
    return tuple(string_at(item.data_ptr(), item.numel() * item.element_size()) for item in tensors)


class Tensors:
    """Tensors of fixed content on one device."""

    def __init__(self, state: State, inputs: Any) -> None:
        """Make tensors of ``state`` from ``inputs``."""
        torch = state.torch
        self._torch, self._inputs, self._device = torch, inputs, state.device
        self._types = {
            "f4": torch.float32,
            "f8": torch.float64,
            "f2": torch.float16,
            "bf2": torch.bfloat16,
            "i8": torch.int64,
            "u1": torch.uint8,
        }

    def __call__(self, kind: str, *shape: int, label: str = "", positive: bool = False) -> Any:
        """Return a new tensor."""
        count = 1
        for length in shape:
            count *= length
        data = self._inputs.make(kind, count, label, positive=positive)
        return self._torch.frombuffer(data, dtype=self._types[kind]).reshape(shape).clone().to(self._device)


def list_kernels(state: State, inputs: Any) -> Iterator[tuple[str, Kernels]]:
    """Yield each family with its kernels."""
    torch, make = state.torch, Tensors(state, inputs)
    for family, list_family in _FAMILIES:
        yield family, list_family(torch, make)


def _list_matmul(torch: Any, make: Tensors) -> Kernels:
    functional = torch.nn.functional
    kernels = [kernel for kind in ("f4", "f8") for kernel in _list_matmul_of(torch, make, kind)]
    kernels += [kernel for kind in ("bf2", "f2") for kernel in _list_matmul_half(torch, make, kind)]
    long, wide = make("f4", 16, 8192), make("f4", 8192, 24, label="wide")
    return [*kernels, ("long.f4", lambda: long @ wide), ("wide_linear.f4", lambda: functional.linear(wide.t(), long))]


def _list_matmul_of(torch: Any, make: Tensors, kind: str) -> Kernels:
    functional = torch.nn.functional
    a, b = make(kind, 33, 65), make(kind, 65, 17, label="b")
    c, d = make(kind, 96, 701), make(kind, 701, 131, label="d")
    e, v, f = make(kind, 200, 333), make(kind, 333, label="v"), make(kind, 20011)
    s, bias = make(kind, 6, 30, 30), make(kind, 131, label="bias")
    kernels: Kernels = [
        ("small." + kind, lambda: a @ b),
        ("large." + kind, lambda: c @ d),
        ("transposed." + kind, lambda: c @ c.t()),
        ("linear." + kind, lambda: functional.linear(c, d.t(), bias)),
        ("vector." + kind, lambda: e @ v),
        ("dot." + kind, lambda: f @ f.flip(0)),
        ("batch." + kind, lambda: torch.bmm(s, s)),
        ("addmm." + kind, lambda: torch.addmm(bias, c, d, beta=0.5, alpha=2.0)),
    ]
    return kernels


def _list_matmul_half(torch: Any, make: Tensors, kind: str) -> Kernels:
    g, h = make(kind, 40, 260), make(kind, 260, 36, label="h")
    kernels: Kernels = [(("half." + kind), lambda: g @ h)]
    return kernels


def _list_convolution(torch: Any, make: Tensors) -> Kernels:
    functional, backward = torch.nn.functional, torch.ops.aten.convolution_backward
    x, w = make("f4", 4, 12, 17, 17), make("f4", 20, 12, 3, 3, label="w")
    deep, single = make("f4", 2, 20, 14, 14), make("f4", 20, 1, 3, 3, label="d")
    line, taps = make("f4", 3, 8, 257), make("f4", 12, 8, 5, label="t")
    grad, point = make("f4", 4, 20, 17, 17, label="g"), make("f4", 24, 20, 1, 1, label="p")
    first, pixels = make("f4", 8, 3, 5, 5, label="f"), make("f4", 8, 3, 28, 28, label="x")
    layout = {"memory_format": torch.channels_last}
    arguments = ([1, 1], [1, 1], [1, 1], False, [0, 0], 1, [True, True, True])
    return [
        ("plain", lambda: functional.conv2d(x, w, padding=1)),
        ("strided", lambda: functional.conv2d(x, w, stride=2)),
        ("first_layer", lambda: functional.conv2d(pixels, first)),
        ("channels_last", lambda: functional.conv2d(x.contiguous(**layout), w.contiguous(**layout), padding=1)),
        ("depthwise", lambda: functional.conv2d(deep, single, padding=1, groups=20)),
        ("pointwise", lambda: functional.conv2d(deep, point)),
        ("line", lambda: functional.conv1d(line, taps, padding=2)),
        ("transposed", lambda: functional.conv_transpose2d(deep, w, stride=2)),
        ("double", lambda: functional.conv2d(x[:1].double(), w.double())),
        ("half.bf2", lambda: functional.conv2d(x[:1].bfloat16(), w.bfloat16())),
        ("backward", lambda: backward(grad, x, w, [20], *arguments)),
        ("average_pool", lambda: functional.avg_pool2d(x, 3)),
    ]


def _list_reduction(torch: Any, make: Tensors) -> Kernels:
    kernels = [kernel for kind in ("f4", "f8") for kernel in _list_reduction_of(torch, make, kind)]
    index, source = make("i8", 3000), make("f4", 3000, 8)
    half, weights = make("bf2", 5003), make("f4", 256, 8, label="w")
    return [
        *kernels,
        ("sum.bf2", half.sum),
        ("index_add", lambda: torch.zeros_like(weights).index_add(0, index, source)),
        ("index_put", lambda: torch.zeros_like(weights).index_put((index,), source, accumulate=True)),
        ("embedding_backward", lambda: torch.ops.aten.embedding_dense_backward(source, index, 256, -1, False)),
        ("scatter_add", lambda: torch.zeros_like(weights).scatter_add(0, index[:, None].expand(-1, 8), source)),
        ("mse", lambda: torch.nn.functional.mse_loss(source, source.flip(0))),
    ]


def _list_reduction_of(torch: Any, make: Tensors, kind: str) -> Kernels:
    x, m = make(kind, 100003), make(kind, 259, 257)
    kernels: Kernels = [
        ("sum." + kind, x.sum),
        ("sum_rows." + kind, lambda: m.sum(1)),
        ("sum_columns." + kind, lambda: m.sum(0)),
        ("mean." + kind, x.mean),
        ("var." + kind, lambda: m.var(0, unbiased=True)),
        ("norm." + kind, x.norm),
        ("norm_rows." + kind, lambda: torch.linalg.vector_norm(m, 2, 1)),
        ("prod." + kind, lambda: x[:61].prod()),
        ("logsumexp." + kind, lambda: torch.logsumexp(m, 1)),
        ("cumsum." + kind, lambda: x[:4001].cumsum(0)),
        ("sum_strided." + kind, lambda: x[::3].sum()),
        ("sum_short." + kind, lambda: x[:1001].sum()),
    ]
    return kernels


def _list_softmax(torch: Any, make: Tensors) -> Kernels:
    functional = torch.nn.functional
    rows, wide, target = make("f4", 65, 257), make("f4", 3, 10007), make("i8", 65)
    double, half = make("f8", 33, 129), make("bf2", 33, 129)
    log = torch.ops.aten._log_softmax_backward_data  # noqa: SLF001 - what the backward pass calls
    return [
        ("rows", lambda: rows.softmax(1)),
        ("columns", lambda: rows.softmax(0)),
        ("wide", lambda: wide.softmax(1)),
        ("logarithm", lambda: rows.log_softmax(1)),
        ("double", lambda: double.softmax(1)),
        ("half.bf2", lambda: half.softmax(1)),
        ("cross_entropy", lambda: functional.cross_entropy(rows, target)),
        ("backward", lambda: log(rows, rows.log_softmax(1), 1, torch.float32)),
    ]


def _list_attention(torch: Any, make: Tensors) -> Kernels:
    attend = getattr(torch.nn.functional, "scaled_dot_product_attention", None)
    if attend is None:
        return []
    q, k, v = (make("f4", 2, 4, 65, 32, label=label) for label in "qkv")
    r, s, t = (make("bf2", 2, 2, 65, 64, label=label) for label in "qkv")
    mask = make("f4", 65, 65, label="mask")
    return [
        ("plain", lambda: attend(q, k, v)),
        ("causal", lambda: attend(q, k, v, is_causal=True)),
        ("masked", lambda: attend(q, k, v, attn_mask=mask)),
        ("half.bf2", lambda: attend(r, s, t)),
        ("composed", lambda: (q @ k.transpose(-1, -2) / 5.6568).softmax(-1) @ v),
    ]


def _list_elementwise(torch: Any, make: Tensors) -> Kernels:
    kernels = [
        kernel
        for kind, size in (("f4", 1031), ("f8", 519), ("bf2", 263))
        for kernel in _list_elementwise_of(torch, make, kind, size)
    ]
    shared = make("f4", 70001)
    return [*kernels, ("exp_shared.f4", shared.exp), ("atan2.f4", lambda: torch.atan2(shared[:999], shared[999:1998]))]


def _list_elementwise_of(torch: Any, make: Tensors, kind: str, size: int) -> Kernels:
    functional = torch.nn.functional
    aten = torch.ops.aten
    x, p, y = make(kind, size), make(kind, size, positive=True), make(kind, size, label="y")
    kernels: Kernels = [("%s.%s" % (name, kind), partial(getattr(torch, name), x)) for name in _UNARY.split()]
    kernels += [("%s.%s" % (name, kind), partial(getattr(torch, name), p + 1)) for name in _POSITIVE.split()]
    kernels += [
        ("gelu." + kind, lambda: functional.gelu(x)),
        ("gelu_tanh." + kind, lambda: functional.gelu(x, approximate="tanh")),
        ("silu." + kind, lambda: functional.silu(x)),
        ("softplus." + kind, lambda: functional.softplus(x)),
        ("pow." + kind, lambda: torch.pow(p, y)),
        ("pow_3." + kind, lambda: x**3),
        ("addcmul." + kind, lambda: torch.addcmul(x, y, p, value=0.3)),
        ("addcdiv." + kind, lambda: torch.addcdiv(x, y, p, value=-0.001)),
        ("lerp." + kind, lambda: torch.lerp(x, y, 0.1)),
        ("scaled_add." + kind, lambda: torch.add(x, y, alpha=-0.01)),
        ("gelu_backward." + kind, lambda: aten.gelu_backward(y, x)),
        ("tanh_backward." + kind, lambda: aten.tanh_backward(y, x)),
        ("exp_strided." + kind, lambda: x[::3].exp()),
    ]
    return kernels


def _list_normalisation(torch: Any, make: Tensors) -> Kernels:
    functional, aten = torch.nn.functional, torch.ops.aten
    x, w, b = make("f4", 65, 257), make("f4", 257, label="w"), make("f4", 257, label="b")
    image, c = make("f4", 4, 12, 17, 17), make("f4", 12, label="c")
    half = make("bf2", 33, 128)
    return [
        ("layer", lambda: aten.native_layer_norm(x, [257], w, b, 1e-5)),
        ("layer_backward", lambda: _run_layer_backward(aten, x, w, b)),
        ("layer.bf2", lambda: functional.layer_norm(half, [128])),
        ("batch", lambda: functional.batch_norm(image, None, None, c, c, training=True)),
        ("batch_backward", lambda: _run_batch_backward(aten, image, c)),
        ("batch_eval", lambda: functional.batch_norm(image, c, c * c, c, c)),
        ("group", lambda: functional.group_norm(image, 3, c, c)),
        ("root_mean_square", lambda: x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-6)),
    ]


def _run_layer_backward(aten: Any, x: Any, w: Any, b: Any) -> Any:
    _, mean, scale = aten.native_layer_norm(x, [257], w, b, 1e-5)
    return aten.native_layer_norm_backward(x.flip(0), x, [257], mean, scale, w, b, [True, True, True])


def _run_batch_backward(aten: Any, image: Any, c: Any) -> Any:
    _, mean, scale = aten.native_batch_norm(image, c, c, None, None, True, 0.1, 1e-5)
    return aten.native_batch_norm_backward(image.flip(0), image, c, None, None, mean, scale, True, 1e-5, [True] * 3)


def _list_linalg(torch: Any, make: Tensors) -> Kernels:
    return [kernel for kind in ("f4", "f8") for kernel in _list_linalg_of(torch, make, kind)]


def _list_linalg_of(torch: Any, make: Tensors, kind: str) -> Kernels:
    a, b = make(kind, 67, 67), make(kind, 67, 5, label="b")
    s = a @ a.t() + 67 * torch.eye(67, dtype=a.dtype, device=a.device)
    t = make(kind, 50, 20)
    kernels: Kernels = [
        ("solve." + kind, lambda: torch.linalg.solve(s, b)),
        ("inv." + kind, lambda: torch.linalg.inv(s)),
        ("cholesky." + kind, lambda: torch.linalg.cholesky(s)),
        ("qr." + kind, lambda: tuple(torch.linalg.qr(a))),
        ("svd." + kind, lambda: tuple(torch.linalg.svd(t, full_matrices=False))),
        ("eigh." + kind, lambda: tuple(torch.linalg.eigh(s[:40, :40]))),
    ]
    return kernels


def _list_sorting(torch: Any, make: Tensors) -> Kernels:
    x, ties = make("f4", 2001), make("i8", 2001)
    return [
        ("argsort", x.argsort),
        ("argsort_ties", ties.argsort),
        ("stable", lambda: torch.sort(ties, stable=True)[1]),
        ("topk", lambda: tuple(x.topk(50))),
        ("topk_ties", lambda: tuple(ties.topk(300))),
        ("kthvalue_ties", lambda: tuple(ties.kthvalue(900))),
        ("argmax_ties", ties.argmax),
        ("median", lambda: tuple(ties[None].median(1))),
    ]


def _list_random(torch: Any, make: Tensors) -> Kernels:
    device = make("f4", 1).device
    p = make("f4", 300, positive=True)

    def start() -> Any:
        return torch.Generator(device=device).manual_seed(20011)

    def fill(method: str, size: int, kind: Any, *arguments: Any) -> Any:
        return getattr(torch.empty(size, dtype=kind, device=device), method)(*arguments, generator=start())

    return [
        ("uniform", lambda: fill("uniform_", 1003, torch.float32)),
        ("uniform.f8", lambda: fill("uniform_", 503, torch.float64)),
        ("normal", lambda: fill("normal_", 1003, torch.float32)),
        ("normal_short", lambda: fill("normal_", 11, torch.float32)),
        ("normal.f8", lambda: fill("normal_", 503, torch.float64)),
        ("exponential", lambda: fill("exponential_", 503, torch.float32)),
        ("bernoulli", lambda: fill("bernoulli_", 1003, torch.float32, 0.3)),
        ("geometric", lambda: fill("geometric_", 301, torch.float32, 0.3)),
        ("permutation", lambda: torch.randperm(501, generator=start(), device=device)),
        ("integers", lambda: torch.randint(0, 1000, (501,), generator=start(), device=device)),
        ("multinomial", lambda: torch.multinomial(p, 60, generator=start())),
    ]


def _list_casts(_torch: Any, make: Tensors) -> Kernels:
    x, y = make("f8", 515), make("f4", 515)
    return [
        ("f8_f4", x.float),
        ("f4_f2", y.half),
        ("f4_bf2", y.bfloat16),
        ("f4_i4", lambda: (y * 100).int()),
        ("overflow_i4", lambda: (y * 1e12).int()),
        ("overflow_u1", lambda: (y * 1000).byte()),
        ("round", lambda: (y * 16).round()),
        ("denormal.f4", lambda: y * 2.0**-126),
        ("from_denormal.f4", lambda: (y * 2.0**-126) * 2.0**100),
        ("denormal.f8", lambda: x * 2.0**-1022),
        ("quantised", lambda: (y / 0.037).round().clamp(-128, 127).char()),
    ]


_FAMILIES = (
    ("matmul", _list_matmul),
    ("convolution", _list_convolution),
    ("reduction", _list_reduction),
    ("softmax", _list_softmax),
    ("attention", _list_attention),
    ("elementwise", _list_elementwise),
    ("normalisation", _list_normalisation),
    ("sorting", _list_sorting),
    ("random", _list_random),
    ("casts", _list_casts),
    ("linalg", _list_linalg),
)
