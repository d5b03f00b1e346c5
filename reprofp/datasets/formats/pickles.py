"""What a pickle describes, without doing any of it.

In: the bytes of a pickle. Out: the values in it; a class, function or call is only ever a note of its name and arguments
(``Global``, ``Call``), unless the caller gave a constructor for that very name. Guaranteed: nothing is imported, looked
up or executed. An operation that is not in the list below, a pickle that ends too early or uses what it did not make is
a FormatError.

The operations: https://github.com/python/cpython/blob/main/Lib/pickletools.py (the tokens are read by that module)
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reprofp.datasets.formats.contents import refuse
from reprofp.errors import FormatError

__all__ = ["Call", "Constructor", "Global", "Map", "Rules", "read_pickle"]

RawBytes = bytes


@dataclass(frozen=True, slots=True)
class Global:
    """The name of a class, function or value of a module."""

    module: str
    name: str

    def __str__(self) -> str:
        """Write the name as Python code would."""
        return f"{self.module}.{self.name}"


@dataclass(slots=True)
class Call:
    """A call that the pickle asks for and that nobody made; ``state`` is what it would then give to the result."""

    function: Global
    arguments: tuple[Any, ...]
    state: Any = None
    items: list[Any] = field(default_factory=list)


class Map(dict[Any, Any]):
    """A mapping; ``attributes`` is what the pickle gives it beside its items."""

    attributes: Any = None


Constructor = Callable[..., Any]
"""Makes a value from the arguments of a call that is known to be harmless."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a reader allows: constructors by name, what makes values of persistent ids, and checks that may refuse."""

    constructors: Mapping[Global, Constructor]
    persistent: Callable[[Any], Any]
    check_global: Callable[[Global], None]
    check_call: Callable[[Global], None]
    immutable: frozenset[Global] = frozenset()
    """Of the constructors, those of classes that hold what they are made from, even where they are not called."""


_PLAIN = (str, int, float, bytes, bool, type(None))
_MARK = object()

_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_ARGUMENTS = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINSTRING", "SHORT_BINSTRING"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
_IGNORED = frozenset({"PROTO", "FRAME"})


def read_pickle(
    data: RawBytes,
    rules: Rules,
    where: str,
) -> tuple[Any, int]:
    """Return the value that a pickle describes, and how many operations it took.

    Raises:
        FormatError: it is malformed, or uses an operation that is not allowed.
    """
    machine = _Machine(rules)
    count = 0
    try:
        for name, argument, position in _read_operations(data):
            count += 1
            if name == "STOP":
                _check_end(position, len(data), where)
                return machine.result(), count
            machine.run(name, argument)
    except FormatError as error:
        raise FormatError(f"{where}: {error}") from None
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError) as error:
        # What the tokens' reader and a stack that is too short raise.
        detail = str(error)[:200]
        raise FormatError(f"{where}: not a valid pickle ({type(error).__name__}: {detail})") from error
    return refuse(where, "the pickle has no end")


def _read_operations(data: RawBytes) -> Iterator[tuple[str, Any, int]]:
    """Yield name, argument and end of each operation."""
    stream = io.BytesIO(data)
    while code := stream.read(1):
        operation = _OPERATION_CODES.get(code.decode("latin1"))
        if operation is None:
            raise FormatError(f"the pickle has the unknown operation {code!r}")
        if operation.name == "GLOBAL":  # pickletools would undo escapes, which pickle itself does not
            argument: Any = f"{_read_line(stream)} {_read_line(stream)}"
        else:
            argument = operation.arg.reader(stream) if operation.arg else None
        yield operation.name, argument, stream.tell()


def _read_line(stream: io.BytesIO) -> str:
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise FormatError("the pickle ends in the middle of a name")
    return line[:-1].decode()


_OPERATION_CODES: dict[str, Any] = {
    operation.code: operation for operation in pickletools.opcodes if operation.name not in {"STRING", "PERSID", "INST"}
}


def _check_end(end: int, length: int, where: str) -> None:
    if end != length:
        refuse(where, f"{length - end} bytes follow the end of the pickle")


class _Machine:
    """The stack, the memo and what each operation does to them."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def result(self) -> Any:
        """Return the one value that is left."""
        if len(self._stack) != 1 or self._stack[0] is _MARK:
            raise FormatError("the pickle leaves no single value")
        return self._stack[0]

    def run(self, name: str, argument: Any) -> None:
        """Do one operation."""
        if name in _ARGUMENTS:
            self._stack.append(argument)
        elif name in _CONSTANTS:
            self._stack.append(_CONSTANTS[name])
        elif name in _OPERATIONS:
            _OPERATIONS[name](self, argument)
        elif name not in _IGNORED:
            raise FormatError(f"the pickle uses the operation {name}, which no checkpoint needs")

    def _pop(self) -> Any:
        value = self._stack.pop()
        if value is _MARK:
            raise FormatError("the pickle uses a mark as a value")
        return value

    def _top(self) -> Any:
        value = self._stack[-1]
        if value is _MARK:
            raise FormatError("the pickle uses a mark as a value")
        return value

    def _pop_to_mark(self) -> list[Any]:
        for at in range(len(self._stack) - 1, -1, -1):
            if self._stack[at] is _MARK:
                values = self._stack[at + 1 :]
                del self._stack[at:]
                return values
        raise FormatError("the pickle uses a mark that it did not make")

    # ---- Values ----

    def push_mark(self, _: Any) -> None:
        self._stack.append(_MARK)

    def push_map(self, _: Any) -> None:
        self._stack.append(Map())

    def push_list(self, _: Any) -> None:
        self._stack.append([])

    def push_tuple(self, _: Any) -> None:
        self._stack.append(())

    def make_map(self, _: Any) -> None:
        values = self._pop_to_mark()
        made = Map()
        _set_items(made, values)
        self._stack.append(made)

    def make_list(self, _: Any) -> None:
        self._stack.append(self._pop_to_mark())

    def make_tuple(self, _: Any) -> None:
        self._stack.append(tuple(self._pop_to_mark()))

    def make_short_tuple(self, count: int) -> None:
        values = [self._pop() for _ in range(count)]
        self._stack.append(tuple(reversed(values)))

    def append(self, _: Any) -> None:
        value = self._pop()
        _extend(self._top(), [value])

    def appends(self, _: Any) -> None:
        values = self._pop_to_mark()
        _extend(self._top(), values)

    def set_item(self, _: Any) -> None:
        value, key = self._pop(), self._pop()
        _set_items(self._top(), [key, value])

    def set_items(self, _: Any) -> None:
        values = self._pop_to_mark()
        _set_items(self._top(), values)

    def drop(self, _: Any) -> None:
        self._stack.pop()

    def drop_to_mark(self, _: Any) -> None:
        self._pop_to_mark()

    def repeat(self, _: Any) -> None:
        self._stack.append(self._top())

    # ---- Memo ----

    def put(self, index: Any) -> None:
        self._memo[int(index)] = self._top()

    def memoize(self, _: Any) -> None:
        self._memo[len(self._memo)] = self._top()

    def get(self, index: Any) -> None:
        self._stack.append(self._memo[int(index)])

    # ---- Names and calls: notes, nothing more ----

    def push_global(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self._name(Global(module, name))

    def make_global(self, _: Any) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise FormatError("the pickle names a global by what is no text")
        self._name(Global(module, name))

    def _name(self, name: Global) -> None:
        if name not in self._rules.constructors:
            self._rules.check_global(name)
        self._stack.append(name)

    def reduce(self, _: Any) -> None:
        arguments, function = self._pop(), self._pop()
        self._stack.append(self._call(function, arguments))

    def new(self, _: Any) -> None:
        arguments, function = self._pop(), self._pop()
        self._check_new(function, arguments)
        self._stack.append(self._call(function, arguments))

    def _check_new(self, function: Any, arguments: Any) -> None:
        """Making an object without calling its class: most classes then ignore the arguments."""
        if arguments and function in self._rules.constructors and function not in self._rules.immutable:
            raise FormatError(f"the pickle makes a {function} from what Python would ignore")

    def new_with_keywords(self, _: Any) -> None:
        keywords, arguments, function = self._pop(), self._pop(), self._pop()
        if not isinstance(arguments, tuple):
            raise FormatError("the pickle calls something with arguments that are no tuple")
        self._check_new(function, arguments or keywords)
        self._stack.append(self._call(function, (*arguments, keywords) if keywords else arguments))

    def _call(self, function: Any, arguments: Any) -> Any:
        if not isinstance(function, Global) or not isinstance(arguments, tuple):
            raise FormatError("the pickle calls what is no global, or with arguments that are no tuple")
        constructor = self._rules.constructors.get(function)
        if constructor is None:
            self._rules.check_call(function)
            return Call(function, arguments)
        try:
            return constructor(*arguments)
        except TypeError as error:
            raise FormatError(f"the pickle calls {function} with arguments that it does not take") from error

    def build(self, _: Any) -> None:
        state, target = self._pop(), self._top()
        if isinstance(target, Call) and target.state is None:
            target.state = state
        elif isinstance(target, Map) and target.attributes is None:
            target.attributes = state
        elif isinstance(target, (Call, Map)):
            raise FormatError("the pickle gives two states to one object")
        else:
            raise FormatError(f"the pickle gives a state to a {type(target).__name__}")

    def load_persistent(self, _: Any) -> None:
        self._stack.append(self._rules.persistent(self._pop()))


def _extend(target: Any, values: list[Any]) -> None:
    if isinstance(target, Call):
        target.items.extend(values)
    elif isinstance(target, list):
        target.extend(values)
    else:
        raise FormatError(f"the pickle appends to a {type(target).__name__}")


def _set_items(target: Any, values: list[Any]) -> None:
    if len(values) % 2:
        raise FormatError("the pickle has a key without a value")
    pairs = list(zip(values[::2], values[1::2], strict=True))
    if isinstance(target, Call):
        target.items.extend(pairs)
        return
    if not isinstance(target, Map):
        raise FormatError(f"the pickle sets an item of a {type(target).__name__}")
    for key, value in pairs:
        if not isinstance(key, _PLAIN) and not (isinstance(key, tuple) and all(isinstance(k, _PLAIN) for k in key)):
            raise FormatError(f"the pickle has a key of type {type(key).__name__}")
        target[key] = value


_OPERATIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _Machine.push_mark,
    "EMPTY_DICT": _Machine.push_map,
    "EMPTY_LIST": _Machine.push_list,
    "EMPTY_TUPLE": _Machine.push_tuple,
    "EMPTY_SET": _Machine.push_list,
    "DICT": _Machine.make_map,
    "LIST": _Machine.make_list,
    "FROZENSET": _Machine.make_list,
    "TUPLE": _Machine.make_tuple,
    "TUPLE1": lambda machine, _: machine.make_short_tuple(1),
    "TUPLE2": lambda machine, _: machine.make_short_tuple(2),
    "TUPLE3": lambda machine, _: machine.make_short_tuple(3),
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "ADDITEMS": _Machine.appends,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "POP": _Machine.drop,
    "POP_MARK": _Machine.drop_to_mark,
    "DUP": _Machine.repeat,
    "PUT": _Machine.put,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.memoize,
    "GET": _Machine.get,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "GLOBAL": _Machine.push_global,
    "STACK_GLOBAL": _Machine.make_global,
    "REDUCE": _Machine.reduce,
    "NEWOBJ": _Machine.new,
    "NEWOBJ_EX": _Machine.new_with_keywords,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.load_persistent,
}
