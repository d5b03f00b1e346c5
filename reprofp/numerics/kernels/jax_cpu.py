"""JAX's kernels on the CPU: what XLA compiles a few functions to, one program for each family.

Compiling takes most of the time, so each family is one program, compiled once and run in each pass. Inputs
are parameters, or XLA would compute the outputs while it compiles.
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
    """Whether jax has started its CPU backend in this process: one that it has closed is not started again."""
    backends = getattr(sys.modules.get("jax._src.xla_bridge"), "_backends", {})
    return "cpu" in backends and hasattr(sys.modules.get("jax"), "jit")


class State:
    """jax, its CPU, and the programs that were compiled."""

    def __init__(self) -> None:
        """Find the CPU, and compute there for as long as this is open."""
        self.jax: Any = sys.modules["jax"]
        self.device = self.jax.devices("cpu")[0]
        self.programs: dict[str, Any] = {}
        self._place = self.jax.default_device(self.device)
        self._place.__enter__()

    def close(self) -> None:
        """Restore where jax computes."""
        self._place.__exit__(None, None, None)


def open_backend(_backend: str, _options: Any) -> State:
    """Prepare jax."""
    return State()


def close_backend(state: State) -> None:
    """Leave jax as it was."""
    state.close()


def to_bytes(result: Any) -> tuple[bytes, ...]:
    """Return the output's bits."""
    numpy = sys.modules["numpy"]
    return tuple(numpy.asarray(part).tobytes() for part in result)


def list_kernels(state: State, inputs: Any) -> Iterator[tuple[str, Kernels]]:
    """Yield each family with its one program."""
    for family, make_program in _FAMILIES:
        yield family, [("program", _Run(state, inputs, family, make_program))]


class _Run:
    """Runs a family's program, which is compiled when it first runs."""

    def __init__(self, state: State, inputs: Any, family: str, make_program: Any) -> None:
        self._state, self._inputs, self._family, self._make = state, inputs, family, make_program

    def __call__(self) -> Any:
        jax, programs = self._state.jax, self._state.programs
        function, shapes = self._make(jax, sys.modules["jax.numpy"])
        arguments = [self._place(*shape) for shape in shapes]
        if self._family not in programs:
            programs[self._family] = jax.jit(function).lower(*arguments).compile()
        return programs[self._family](*arguments)

    def _place(self, kind: str, *shape: int) -> Any:
        count = 1
        for length in shape:
            count *= length
        data = self._inputs.make(kind, count, str(shape))
        array = sys.modules["numpy"].frombuffer(data, dtype="<" + kind).reshape(shape)
        return self._state.jax.device_put(array.astype("<i4") if kind == "i8" else array, self._state.device)


def _make_matmul(_jax: Any, jnp: Any) -> Any:
    def function(a: Any, b: Any, c: Any, d: Any, v: Any) -> Any:
        half = c.astype(jnp.bfloat16) @ d.astype(jnp.bfloat16)
        return a @ b, c @ d, c @ v, v @ v, jnp.einsum("ij,kj->ik", a, a), half.astype(jnp.float32)

    return function, [("f4", 33, 65), ("f4", 65, 17), ("f4", 96, 701), ("f4", 701, 131), ("f4", 701)]


def _make_convolution(jax: Any, jnp: Any) -> Any:
    def convolve(x: Any, w: Any) -> Any:
        return jax.lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    def function(x: Any, w: Any) -> Any:
        return convolve(x, w), jax.grad(lambda k: jnp.sum(jnp.square(convolve(x, k))))(w)

    return function, [("f4", 2, 14, 14, 12), ("f4", 3, 3, 12, 20)]


def _make_reduction(_jax: Any, jnp: Any) -> Any:
    def function(x: Any, m: Any, i: Any) -> Any:
        return x.sum(), m.sum(0), m.sum(1), m.var(0), jnp.cumsum(x[:4001]), jnp.zeros(256).at[i].add(x[:2003])

    return function, [("f4", 100003), ("f4", 129, 257), ("i8", 2003)]


def _make_softmax(jax: Any, jnp: Any) -> Any:
    def function(x: Any) -> Any:
        loss = jax.grad(lambda y: -jnp.mean(jax.nn.log_softmax(y)[:, 3]))(x)
        return jax.nn.softmax(x), jax.nn.log_softmax(x), loss

    return function, [("f4", 65, 257)]


def _make_attention(jax: Any, jnp: Any) -> Any:
    def function(q: Any, k: Any, v: Any) -> Any:
        return (jax.nn.softmax(jnp.einsum("bhqd,bhkd->bhqk", q, k) / 5.6568) @ v,)

    return function, [("f4", 2, 4, 65, 32)] * 3


def _make_elementwise(jax: Any, jnp: Any) -> Any:
    def function(x: Any) -> Any:
        positive = jnp.abs(x) + 0.1
        of_any = [
            f(x) for f in (jnp.exp, jnp.expm1, jnp.sin, jnp.cos, jnp.tanh, jax.nn.sigmoid, jax.lax.erf, jax.nn.gelu)
        ]
        of_positive = [f(positive) for f in (jnp.log, jnp.log1p, jnp.sqrt, jax.lax.rsqrt)]
        return (*of_any, *of_positive, positive**x, x * 0.3 + x[::-1])

    return function, [("f4", 1031)]


def _make_normalisation(jax: Any, jnp: Any) -> Any:
    def function(x: Any) -> Any:
        centred = x - x.mean(-1, keepdims=True)
        return (centred * jax.lax.rsqrt(jnp.square(centred).mean(-1, keepdims=True) + 1e-5),)

    return function, [("f4", 65, 257)]


def _make_linalg(_jax: Any, jnp: Any) -> Any:
    def function(a: Any) -> Any:
        s = a @ a.T + 67 * jnp.eye(67, dtype=a.dtype)
        return jnp.linalg.cholesky(s), jnp.linalg.solve(s, a[:, :5]), jnp.linalg.eigh(s[:40, :40])[0]

    return function, [("f4", 67, 67)]


def _make_random(jax: Any, jnp: Any) -> Any:
    def function(x: Any) -> Any:
        key = jax.random.key_data(jax.random.key(20011)) if hasattr(jax.random, "key") else jax.random.PRNGKey(20011)
        typed = jax.random.wrap_key_data(key) if hasattr(jax.random, "wrap_key_data") else key
        return jax.random.normal(typed, (501,), jnp.float32), jax.random.uniform(typed, (501,), jnp.float32) + 0 * x[0]

    return function, [("f4", 4)]


def _make_casts(_jax: Any, jnp: Any) -> Any:
    def function(x: Any) -> Any:
        tiny = x * jnp.float32(2.0**-126)
        return x.astype(jnp.bfloat16), x.astype(jnp.float16), (x * 100).astype(jnp.int32), tiny, tiny * 2.0**100

    return function, [("f4", 515)]


_FAMILIES = (
    ("matmul", _make_matmul),
    ("convolution", _make_convolution),
    ("reduction", _make_reduction),
    ("softmax", _make_softmax),
    ("attention", _make_attention),
    ("elementwise", _make_elementwise),
    ("normalisation", _make_normalisation),
    ("random", _make_random),
    ("casts", _make_casts),
    ("linalg", _make_linalg),
)
