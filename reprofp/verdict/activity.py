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
from reprofp.model.observations import Absent, Observation, Observed, Unknown, UnknownCode, Value
from reprofp.model.paths import FactPath, parse_path
from reprofp.verdict.patterns import fill, match_part
from reprofp.verdict.studied import COMPUTED, OF_NUMPY, studied_for

__all__ = [
    "Condition",
    "Doubting",
    "Facts",
    "ValueTest",
    "all_of",
    "any_of",
    "describe_condition",
    "describe_test",
    "read_condition",
    "read_test",
    "relies_on_sources",
    "same_value",
]


class Facts(Protocol):
    """What a condition looks at: the facts of one process of one record."""

    def look_up(self, path: FactPath) -> Observation:
        """Return the fact at a full path, effective facts included."""

    def names_below(self, prefix: FactPath) -> Iterable[str]:
        """Return the names listed directly below ``prefix``, without those that are Absent."""

    def doubts_below(self, prefix: FactPath) -> Iterable[str]:
        """Return the names listed directly below ``prefix`` of which it is not known whether they are there."""


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
        if any(match_part(wanted, name) for name in facts.names_below(self.prefix) for wanted in self.names):
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


_CALLS, _LOOKED, _MODULES = ("usage", "calls"), ("usage", "asks"), ("usage", "modules")
_UNSEEN = "*"
_NOT_LOOKED = Unknown(UnknownCode.NOT_ASKED)


@dataclass(frozen=True, slots=True)
class _Asks:
    """The program's own sources ask for something (``usage.calls``), or may without its being seen.

    With ``word``, what is asked for is one name among those of a kind: an environment variable.
    """

    kind: str
    studied: frozenset[str]
    word: str = ""

    def evaluate(self, facts: Facts, captures: FactPath) -> bool | None:
        asked, dynamic = (facts.look_up((*_CALLS, kind)) for kind in (self.kind, "dynamic"))
        if self._is_asked(asked, captures):
            return True
        studied = self._is_studied(facts)
        if studied is False and self.kind in COMPUTED:
            return True  # what such a package does is to compute
        looked = facts.look_up(_LOOKED) == Observed(value=True)  # older releases did not look for it
        known = looked and not isinstance(asked, Unknown) and isinstance(dynamic, Absent)
        return False if known and studied else None

    def _is_asked(self, asked: Observation, captures: FactPath) -> bool:
        if not isinstance(asked, Observed):
            return False
        wanted = fill((self.word,), captures) if self.word else None
        names = asked.value if isinstance(asked.value, (list, tuple)) else ()
        return wanted is None or _UNSEEN in names or wanted[0] in names

    def _is_studied(self, facts: Facts) -> bool | None:
        """Whether every package that was imported is one of which is known what it asks for."""
        if not self.studied.issuperset(facts.names_below(_MODULES)):
            return False
        doubted = isinstance(facts.look_up(_MODULES), Unknown)
        return None if doubted or not self.studied.issuperset(facts.doubts_below(_MODULES)) else True

    def blockers(self, facts: Facts, captures: FactPath) -> Iterator[FactPath]:
        path = (*_CALLS, self.kind)
        if self.evaluate(facts, captures) is None and isinstance(facts.look_up(path), Unknown):
            yield path


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


def _read_asks(operand: Any) -> Condition:
    kinds = _texts(operand)
    words = [kind.partition(":") for kind in kinds]
    studied = [studied_for(kind) for kind, _colon, _word in words]
    if None in studied:
        raise UsageError(f"asks: there is no kind among {', '.join(kinds)} that usage.calls does not know")
    parts = tuple(
        _Asks(OF_NUMPY.get(kind, kind), found or frozenset(), word)
        for (kind, _colon, word), found in zip(words, studied, strict=True)
    )
    return parts[0] if len(parts) == 1 else _Junction(parts, every=False)


@dataclass(frozen=True, slots=True)
class Doubting:
    """Facts of a process that started others: that its own sources do not ask for something says nothing."""

    facts: Facts

    def look_up(self, path: FactPath) -> Observation:
        """Return the fact, and Unknown for whether the sources were looked through."""
        return _NOT_LOOKED if path == _LOOKED else self.facts.look_up(path)

    def names_below(self, prefix: FactPath) -> Iterable[str]:
        """Return the names that the process lists."""
        return self.facts.names_below(prefix)

    def doubts_below(self, prefix: FactPath) -> Iterable[str]:
        """Return the names that it does not know about."""
        return self.facts.doubts_below(prefix)


def relies_on_sources(form: Any) -> bool:
    """Whether a condition takes the word of the program's own sources for what does not happen."""
    if isinstance(form, dict):
        return "asks" in form or any(map(relies_on_sources, form.values()))
    return isinstance(form, list) and any(map(relies_on_sources, form))


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
    "asks": _read_asks,
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
    if key == "asks":
        return f"the program's sources ask for {' or '.join(_texts(operand))}, or a package that was not looked at may"
    if key == "not":
        return f"not ({describe_condition(operand)})"
    return {"gpu": "a GPU was used", "ranks": "several ranks took part"}.get(
        key
    ) or f"{key} {', '.join(_texts(operand))}"
