"""Whether a factor is active: small declarative conditions, evaluated with three values.

A condition is read from a rule's ``active-when``; docs/reference/rules-format.md lists its forms. It is
evaluated on each side of a comparison: active on either side is active, and it is unknown where a side
is unknown and none is active. Truth values are ``True``, ``False`` and ``None`` for unknown, combined
as Kleene's strong logic does, so that learning a fact only ever turns unknown into an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from reprofp.errors import UsageError
from reprofp.model.canonical import encode
from reprofp.model.observations import Absent, Observation, Unknown, Value
from reprofp.model.paths import FactPath, parse_path
from reprofp.verdict.patterns import compile_part, fill

__all__ = [
    "Condition",
    "Facts",
    "ValueTest",
    "all_of",
    "any_of",
    "describe_condition",
    "describe_test",
    "read_condition",
    "read_test",
    "same_value",
]


class Facts(Protocol):
    """What a condition looks at: the facts of one process of one record."""

    def look_up(self, path: FactPath) -> Observation:
        """Return the fact at a full path, effective facts included."""

    def names_below(self, prefix: FactPath) -> Iterable[str]:
        """Return the names listed directly below ``prefix``, without those that are Absent."""


class Condition(Protocol):
    """One condition, read and checked."""

    def evaluate(self, facts: Facts, captures: FactPath) -> bool | None:
        """Whether it holds; None where that is unknown. ``captures`` is what the pattern's stars matched."""

    def blockers(self, facts: Facts, captures: FactPath) -> Iterator[FactPath]:
        """Yield the paths of the Unknown facts that leave it unknown."""


def any_of(values: Iterable[bool | None]) -> bool | None:
    """Kleene's or: True if one is, else None if one is unknown, else False."""
    result: bool | None = False
    for value in values:
        if value:
            return True
        if value is None:
            result = None
    return result


def all_of(values: Iterable[bool | None]) -> bool | None:
    """Kleene's and: False if one is, else None if one is unknown, else True."""
    result: bool | None = True
    for value in values:
        if value is False:
            return False
        if value is None:
            result = None
    return result


def same_value(a: Value, b: Value) -> bool:
    """Whether two values are one and the same fact: 1, 1.0 and True are three."""
    if type(a) is type(b) and isinstance(a, (str, bool, int, bytes)):
        return a == b
    return encode(a) == encode(b)


@dataclass(frozen=True, slots=True)
class ValueTest:
    """A test of one observation; ``absent`` is what it says of a fact that is Absent."""

    kind: str
    operands: tuple[Value, ...] = ()
    absent: bool = False

    def holds(self, fact: Observation) -> bool | None:
        """Whether ``fact`` passes; None for an Unknown fact."""
        if isinstance(fact, Unknown):
            return None
        if isinstance(fact, Absent):
            return self.absent
        if self.kind == "present":
            return True
        if self.kind == "at-least":
            number, least = fact.value, self.operands[0]
            return type(number) in (int, float) and number >= least  # type: ignore[operator]
        listed = any(same_value(fact.value, operand) for operand in self.operands)
        return listed != (self.kind == "not-in")


@dataclass(frozen=True, slots=True)
class _Constant:
    value: bool | None

    def evaluate(self, _facts: Facts, _captures: FactPath) -> bool | None:
        return self.value

    def blockers(self, _facts: Facts, _captures: FactPath) -> Iterator[FactPath]:
        return iter(())


@dataclass(frozen=True, slots=True)
class _Fact:
    """Some of these facts pass the test."""

    paths: tuple[FactPath, ...]
    test: ValueTest

    def _paths(self, captures: FactPath) -> Iterator[FactPath | None]:
        return (fill(path, captures) for path in self.paths)

    def evaluate(self, facts: Facts, captures: FactPath) -> bool | None:
        return any_of(None if path is None else self.test.holds(facts.look_up(path)) for path in self._paths(captures))

    def blockers(self, facts: Facts, captures: FactPath) -> Iterator[FactPath]:
        for path in self._paths(captures):
            if path is not None and isinstance(facts.look_up(path), Unknown):
                yield path


@dataclass(frozen=True, slots=True)
class _Below:
    """Something is listed below a prefix under a name that matches one of these."""

    prefix: FactPath
    names: tuple[str, ...]

    def evaluate(self, facts: Facts, _captures: FactPath) -> bool | None:
        regexes = [compile_part(name) for name in self.names]
        if any(regex.fullmatch(name) for name in facts.names_below(self.prefix) for regex in regexes):
            return True
        return None if isinstance(facts.look_up(self.prefix), Unknown) else False

    def blockers(self, facts: Facts, _captures: FactPath) -> Iterator[FactPath]:
        if isinstance(facts.look_up(self.prefix), Unknown):
            yield self.prefix


@dataclass(frozen=True, slots=True)
class _Junction:
    parts: tuple[Condition, ...]
    every: bool

    def evaluate(self, facts: Facts, captures: FactPath) -> bool | None:
        join = all_of if self.every else any_of
        return join(part.evaluate(facts, captures) for part in self.parts)

    def blockers(self, facts: Facts, captures: FactPath) -> Iterator[FactPath]:
        for part in self.parts:
            if part.evaluate(facts, captures) is None:
                yield from part.blockers(facts, captures)


@dataclass(frozen=True, slots=True)
class _Not:
    part: Condition

    def evaluate(self, facts: Facts, captures: FactPath) -> bool | None:
        value = self.part.evaluate(facts, captures)
        return None if value is None else not value

    def blockers(self, facts: Facts, captures: FactPath) -> Iterator[FactPath]:
        return self.part.blockers(facts, captures)


_PRESENT = ValueTest("present")
_TRUE = ValueTest("in", (True,))
_TEST_KEYS = frozenset({"equals", "in", "not-in", "at-least", "present", "absent"})


def read_test(table: Any) -> ValueTest:
    """Read a test of a value, as in ``unsafe-if``.

    Raises:
        UsageError: it has an unknown key, several tests, or none.
    """
    if not isinstance(table, dict):
        raise UsageError(f"expected a table with a test of a value, not {table!r}")
    kinds = sorted(table.keys() - {"absent"})
    absent = table.get("absent", False)
    if table.keys() - _TEST_KEYS or len(kinds) > 1 or not table or type(absent) is not bool:
        raise UsageError(f"expected one of equals, in, not-in, at-least, present and perhaps absent, not {dict(table)}")
    if not kinds:
        return ValueTest("in", (), absent=absent)
    kind, operand = kinds[0], table[kinds[0]]
    if kind in ("in", "not-in") and isinstance(operand, list):
        return ValueTest(kind, tuple(operand), absent=absent)
    if kind == "present" and operand is True:
        return ValueTest(kind, (), absent=absent)
    if kind == "at-least" and type(operand) in (int, float):
        return ValueTest(kind, (operand,), absent=absent)
    if kind == "equals" and not isinstance(operand, (list, dict)):
        return ValueTest("in", (operand,), absent=absent)
    raise UsageError(f"{kind} does not take {operand!r}")


def read_condition(form: Any) -> Condition:
    """Read a rule's ``active-when``.

    Raises:
        UsageError: the form is none that docs/reference/rules-format.md describes.
    """
    if form == "always":
        return _Constant(True)
    if form == "unknown":
        return _Constant(None)
    if isinstance(form, dict) and "fact" in form:
        rest = {key: value for key, value in form.items() if key != "fact"}
        return _Fact(tuple(parse_path(path) for path in _texts(form["fact"])), read_test(rest))
    if isinstance(form, dict) and len(form) == 1:
        ((key, operand),) = form.items()
        reader = _READERS.get(key)
        if reader is not None:
            return reader(operand)
    raise UsageError(f"{form!r} is no condition: expected always, unknown, or one of {sorted([*_READERS, 'fact'])}")


def _texts(operand: Any) -> Sequence[str]:
    texts = operand if isinstance(operand, list) else [operand]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise UsageError(f"expected a name or a list of names, not {operand!r}")
    return texts


def _read_modules(operand: Any) -> Condition:
    return _Fact(tuple(("usage", "modules", name) for name in _texts(operand)), _PRESENT)


def _read_packages(operand: Any) -> Condition:
    return _Below(("packages", "imported"), tuple(_texts(operand))) if "{" not in str(operand) else _captured(operand)


def _captured(operand: Any) -> Condition:
    return _Fact(tuple(("packages", "imported", name, "version") for name in _texts(operand)), _PRESENT)


def _read_libraries(operand: Any) -> Condition:
    return _Below(("usage", "libraries"), tuple(_texts(operand)))


def _read_true(path: str) -> Callable[[Any], Condition]:
    def read(operand: Any) -> Condition:
        if operand is not True:
            raise UsageError(f"expected true, not {operand!r}")
        return _Fact((parse_path(path),), _TRUE)

    return read


def _read_parts(operand: Any) -> tuple[Condition, ...]:
    if not isinstance(operand, list) or not operand:
        raise UsageError(f"expected a list of conditions, not {operand!r}")
    return tuple(read_condition(part) for part in operand)


_READERS: dict[str, Callable[[Any], Condition]] = {
    "module": _read_modules,
    "package": _read_packages,
    "library": _read_libraries,
    "gpu": _read_true("effective.gpu_used"),
    "ranks": _read_true("effective.several_ranks"),
    "any": lambda operand: _Junction(_read_parts(operand), every=False),
    "all": lambda operand: _Junction(_read_parts(operand), every=True),
    "not": lambda operand: _Not(read_condition(operand)),
}


def describe_test(test: ValueTest) -> str:
    """Write a test as people read it."""
    words = [] if test.kind == "in" and not test.operands else [_WORDS[test.kind] + _list(test.operands)]
    return " or ".join([*words, *(["absent"] if test.absent else [])])


_WORDS = {"in": "", "not-in": "anything but ", "at-least": "at least ", "present": "any value"}


def _list(operands: Sequence[Value]) -> str:
    return ", ".join(str(value).lower() if isinstance(value, bool) else str(value) for value in operands)


def describe_condition(form: Any) -> str:
    """Write a condition, as rules have it, as people read it."""
    if isinstance(form, str):
        return {"unknown": "not known: no probe can see it"}.get(form, form)
    if "fact" in form:
        test = read_test({key: value for key, value in form.items() if key != "fact"})
        return f"{' or '.join(_texts(form['fact']))} is {describe_test(test)}"
    ((key, operand),) = form.items()
    if key in ("all", "any"):
        parts = (describe_condition(part) for part in operand)
        return (" and " if key == "all" else " or ").join(f"({part})" if " or " in part else part for part in parts)
    if key == "not":
        return f"not ({describe_condition(operand)})"
    return {"gpu": "a GPU was used", "ranks": "several ranks took part"}.get(
        key
    ) or f"{key} {', '.join(_texts(operand))}"
