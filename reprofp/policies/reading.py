"""From a file to a policy; whatever is not understood is an error that names file and key.

In: the path of a ``reprofp.toml``, or of a ``pyproject.toml`` with ``[tool.reprofp]``. The keys are described in
docs/reference/policy.md.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from reprofp.errors import InputError, UsageError
from reprofp.model.observations import Value
from reprofp.model.paths import FactPath, format_path, parse_path
from reprofp.model.schema import FACETS, Side
from reprofp.policies.places import PYPROJECT
from reprofp.policies.policy import Policy
from reprofp.probes.config_files import to_fact_value
from reprofp.probes.files import read_bounded
from reprofp.probes.toml import read_toml
from reprofp.verdict import Level

__all__ = ["KEYS", "TABLE", "read_policy", "read_table"]

TABLE = "tool.reprofp"
"""The table of a policy in pyproject.toml."""
_LIMIT = 1 << 20

KEYS = {
    "require": "the level that compare and check ask for: bitwise, statistical or functional",
    "accept-measured": "whether measured or repeated evidence may stand for a promise",
    "ignore": "a list of facts, or prefixes of facts, that are left out",
    "vary": "a list of facts of the experiment, or prefixes, that may differ",
    "pin": "a table from facts to the values that they must have",
    "metrics": "a table: margin (of all metrics) and margins (of single ones, by name), as fractions",
    "baseline": "the record that check compares with",
    "branches": "a table from branches of git, or patterns of their names, to their baselines",
}
"""The keys of a policy, and what each says."""


def read_policy(path: Path) -> Policy:
    """Read a policy.

    Raises:
        InputError: the file cannot be read, is no TOML, or holds no policy.
        UsageError: it has an unknown key, or a value that its key does not take.
    """
    try:
        table = read_toml(read_bounded(path, _LIMIT).decode("utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: no TOML that can be read ({error})") from error
    if path.name != PYPROJECT:
        return read_table(table, path)
    tool = table.get("tool")
    own = tool.get("reprofp") if isinstance(tool, dict) else None
    if not isinstance(own, dict):
        raise InputError(f"{path}: it has no table [{TABLE}]")
    return read_table(own, path)


def read_table(table: Mapping[str, Any], path: Path) -> Policy:
    """Read the table of a policy from the file ``path``.

    Raises:
        UsageError: it has an unknown key, or a value that its key does not take.
    """
    reader = _Reader(path)
    reader.refuse_unknown(table, KEYS, "")
    metrics = reader.take(table, "metrics", dict, {})
    reader.refuse_unknown(metrics, ("margin", "margins"), "metrics.")
    margins = reader.take(metrics, "margins", dict, {}, "metrics.")
    return Policy(
        path,
        reader.read_level(table),
        reader.take(table, "accept-measured", bool, False),
        reader.read_paths(table, "ignore", reader.check_facet),
        reader.read_paths(table, "vary", reader.check_experiment),
        dict(reader.read_pins(reader.take(table, "pin", dict, {}), ())),
        reader.read_margin(metrics["margin"], "metrics.margin") if "margin" in metrics else None,
        {name: reader.read_margin(value, f"metrics.margins.{name}") for name, value in margins.items()},
        reader.take(table, "baseline", str, ""),
        reader.read_names(reader.take(table, "branches", dict, {})),
    )


class _Reader:
    """Takes values out of tables, and says of the file and key what is wrong with them."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def fail(self, key: str, text: str) -> UsageError:
        table = f" of [{TABLE}]" if self._path.name == PYPROJECT else ""
        return UsageError(f"{self._path}: {key}{table}: {text}")

    def refuse_unknown(self, table: Mapping[str, Any], known: Iterable[str], prefix: str) -> None:
        for key in table:
            if key not in known:
                close = difflib.get_close_matches(key, list(known), n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"the keys are {', '.join(known)}"
                raise self.fail(prefix + key, f"there is no such key: {hint}")

    def take(self, table: Mapping[str, Any], key: str, kind: type, default: Any, prefix: str = "") -> Any:
        value = table.get(key, default)
        if type(value) is not kind:
            names = {bool: "true or false", str: "text", dict: "a table", list: "a list"}
            raise self.fail(prefix + key, f"expected {names[kind]}, not {value!r}")
        return value

    def read_level(self, table: Mapping[str, Any]) -> Level | None:
        if "require" not in table:
            return None
        try:
            level = Level.parse(str(table["require"]))
        except UsageError as error:
            raise self.fail("require", str(error)) from error
        if level is Level.INCOMPARABLE:
            raise self.fail("require", "that is reached by any two runs: leave the key out")
        return level

    def read_paths(
        self, table: Mapping[str, Any], key: str, check: Callable[[str, FactPath], None]
    ) -> tuple[FactPath, ...]:
        texts = self.take(table, key, list, [])
        paths = tuple(self.read_path(key, text) for text in texts)
        for path in paths:
            check(key, path)
        return paths

    def read_path(self, key: str, text: object) -> FactPath:
        if not isinstance(text, str):
            raise self.fail(key, f"expected the path of a fact, not {text!r}")
        path = self.parse(key, text)
        self.check_facet(key, path)
        return path

    def parse(self, key: str, text: str) -> FactPath:
        try:
            return parse_path(text)
        except UsageError as error:
            raise self.fail(key, str(error)) from error

    def check_facet(self, key: str, path: FactPath) -> None:
        if path[0] in FACETS or path[0] == "effective":
            return
        close = difflib.get_close_matches(path[0], list(FACETS), n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"facts begin with one of {', '.join(FACETS)}"
        raise self.fail(key, f"{format_path(path)} is no fact: {hint}")

    def check_experiment(self, key: str, path: FactPath) -> None:
        spec = FACETS.get(path[0])
        if spec is None or spec.side is not Side.EXPERIMENT:
            raise self.fail(key, f"{format_path(path)} is no fact of the experiment: name it under ignore")

    def read_pins(self, table: Mapping[str, Any], prefix: FactPath) -> Iterator[tuple[FactPath, Value]]:
        """Yield facts and their values: a quoted key is a path, and nested tables are parts of one."""
        for key, value in table.items():
            place = (*prefix, *self.parse("pin", key))
            if isinstance(value, dict):
                yield from self.read_pins(value, place)
                continue
            self.check_facet("pin", place)
            try:
                yield place, to_fact_value(value)
            except ValueError as error:
                raise self.fail(f"pin.{format_path(place)}", str(error)) from error

    def read_margin(self, value: object, key: str) -> float:
        if type(value) not in (int, float) or not 0 < value < 1:  # type: ignore[operator]
            raise self.fail(key, f"expected a fraction above 0 and below 1, as in 0.01, not {value!r}")
        return float(value)  # type: ignore[arg-type]

    def read_names(self, table: Mapping[str, Any]) -> dict[str, str]:
        for branch, name in table.items():
            if not isinstance(name, str) or not name:
                raise self.fail(f"branches.{branch}", f"expected the name of a record, not {name!r}")
        return dict(table)
