"""``reprofp numerics``: measure what this machine and its libraries compute."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reprofp.cli.command import Command
from reprofp.cli.options import ParamType, json_option

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from reprofp.render.layout import Line

_EXAMPLES = (
    ("all backends that the active environment has", "reprofp numerics"),
    ("one of them, kernel by kernel", "reprofp numerics --backend numpy --kernels"),
    ("for a program", "reprofp numerics --json"),
)
_EXITS = {
    0: "all was measured, and repeats",
    1: "a class is not stable: the same input gave different bits",
    2: "a class could not be measured",
    3: "usage error, an interpreter that is none, or a backend that it does not have",
    130: "interrupted",
}
_SHOWN = 19
"""How many characters of a class are shown: its revision and 16 digits."""


class _Backend(ParamType):
    """The name of a backend; ``torch`` is that of its CPU."""

    name = "BACKEND"
    _SHORT = {"torch": "torch_cpu"}  # noqa: RUF012 - click's types have no other place for it

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from reprofp.numerics import BACKENDS

        name = self._SHORT.get(value, value)
        if name not in BACKENDS:
            close = difflib.get_close_matches(name, BACKENDS, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            self.fail(f"there is no backend {value!r}: {hint}the backends are {', '.join(BACKENDS)}", param, ctx)
        return str(name)

    def shell_complete(self, _ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer the backends' names."""
        from click.shell_completion import CompletionItem

        from reprofp.numerics import BACKENDS

        return [CompletionItem(name) for name in BACKENDS if name.startswith(incomplete)]


@click.command(cls=Command, short_help="Measure what this machine computes.", examples=_EXAMPLES, exits=_EXITS)
@click.option(
    "--backend",
    "backends",
    type=_Backend(),
    multiple=True,
    help="libm, numpy, scipy, torch_cpu (or torch), torch_cuda, jax, tensorflow; repeatable (default: all there are).",
)
@click.option(
    "--python",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The interpreter that has them, instead of that of the active environment.",
)
@click.option("--kernels", is_flag=True, help="Show every kernel of each family, too.")
@json_option
@click.pass_context
def command(ctx: click.Context, backends: tuple[str, ...], python: Path | None, kernels: bool, as_json: bool) -> None:
    """Measure what this machine and its libraries compute, as digests of bits.

    Small fixed kernels run in each backend, twice, on inputs that are the same everywhere. Two machines
    with the same classes gave the same bits for all of them; where a class differs, so do results that
    depend on its operations. Frameworks are imported in processes of their own.
    """
    import os

    from reprofp.capture import find_python
    from reprofp.numerics import measure_elsewhere

    interpreter = find_python(os.environ, python)
    raw = measure_elsewhere(list(backends) or None, python=interpreter)
    _refuse_silence(raw, interpreter)
    _show(raw, kernels=kernels, as_json=as_json)
    ctx.exit(_answer(raw))


def _refuse_silence(raw: Mapping[str, Any], interpreter: Path | None) -> None:
    """Refuse a program that measured nothing in any backend: libm's kernels need a Python and nothing else."""
    from reprofp.errors import InputError

    found = list(raw["backends"].values())
    if interpreter is not None and found and all(families.keys() == {""} for families in found):
        said = found[0][""].get("message", "")
        raise InputError(f"nothing can be measured: is {interpreter} a Python? (it {said}); --python names another")


def _answer(raw: Mapping[str, Any]) -> int:
    found = [entry for families in raw["backends"].values() for entry in families.values()]
    if any(str(entry.get("class", "")).endswith(":unstable") for entry in found):
        return 1
    return 2 if any("class" not in entry for entry in found) else 0


def _show(raw: Mapping[str, Any], *, kernels: bool, as_json: bool) -> None:
    from reprofp.cli.output import print_json, print_lines

    if as_json:
        parts = ("backends", "kernels", "duration_ns")
        print_json({"schema": "reprofp/numerics/1", **{part: raw[part] for part in parts}})
    else:
        print_lines(_draw(raw, kernels=kernels))


def _draw(raw: Mapping[str, Any], *, kernels: bool) -> list[Line]:
    from reprofp.render.layout import Span, align

    rows: list[list[Span]] = []
    for backend, families in raw["backends"].items():
        for family, entry in families.items():
            rows.append([Span(backend, "path"), Span(family or "-"), *_draw_class(entry)])
            if kernels:
                below = f"{backend}.{family}."
                rows += [
                    [Span(""), Span(f"  {name.removeprefix(below)}"), Span(text, "dim"), Span("")]
                    for name, text in raw["kernels"].items()
                    if name.startswith(below)
                ]
    return align(rows)


def _draw_class(entry: Mapping[str, Any]) -> list[Any]:
    from reprofp.render.layout import Span

    text = str(entry.get("class", ""))
    if text.endswith(":unstable"):
        return [Span(text, "bad"), Span("the same input gave different bits")]
    if text:
        return [Span(text[:_SHOWN]), Span("")]
    return [Span(f"not measured: {entry.get('error', '')}", "doubt"), Span(str(entry.get("message", "")), "dim")]
