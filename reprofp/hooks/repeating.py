"""``reprofp run --repeat N``: the same command several times, and whether it gave the same bits each time.

In: a command, and what it is said to make. Out: the last run, which says what all of them showed. Guaranteed: what
was not made, or not made anew, each time is no evidence for anything; a command that fails is not run again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from reprofp.hooks.run import RunOptions, run_command
from reprofp.model.records import Repeats, Run

__all__ = ["compare_repeats", "repeat_command"]


def repeat_command(
    argv: Sequence[str], options: RunOptions, times: int, keep: Callable[[Run], None]
) -> tuple[Run, int]:
    """Run ``argv`` up to ``times`` times; ``keep`` takes each run but the last, as soon as it has ended.

    Raises:
        NotStartedError: the command was not started.
        KeyboardInterrupt: the user interrupted.
    """
    earlier: list[Run] = []
    run, code = run_command(argv, options)
    while not code and len(earlier) + 1 < times:
        keep(run)
        earlier.append(run)
        run, code = run_command(argv, options)
    if not earlier:
        return run, code
    repeats = compare_repeats([*earlier, run], with_metrics=options.metrics is not None)
    return replace(run, result=replace(run.result, repeats=repeats)), code


def compare_repeats(runs: Sequence[Run], *, with_metrics: bool = False) -> Repeats:
    """Compare what came out of several runs of one command; ``with_metrics`` where it was to report some."""
    results = [_list_results(run, with_metrics=with_metrics) for run in runs]
    names = sorted({name for result in results for name in result})
    found = {name: [result.get(name) for result in results] for name in names}
    missing = tuple(name for name, values in found.items() if None in values)
    known = {name: values for name, values in found.items() if name not in missing}
    equal = tuple(name for name, values in known.items() if all(value == values[0] for value in values))
    differing = tuple(name for name in known if name not in equal)
    return Repeats(len(runs), equal, differing, missing, tuple(run.raw_id for run in runs[:-1]))


def _list_results(run: Run, *, with_metrics: bool) -> dict[str, object]:
    """Return by name what came out, None where something was declared and not made."""
    result = run.result
    outputs: dict[str, object] = {f"outputs.{name}": item.get("digest") for name, item in result.outputs.items()}
    metrics: dict[str, object] = {
        f"metrics.{name}": [(step, float(value).hex()) for step, value in points]
        for name, points in result.metrics.items()
    }
    silent: dict[str, object] = {"metrics": None} if with_metrics and not metrics else {}
    return {**outputs, **metrics, **silent, "exit_code": (result.exit_code,)}
