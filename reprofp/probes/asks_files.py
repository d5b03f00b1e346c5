"""Where a source asks whether a file is there, or how large it is, without its being heard.

The audit of a run hears what is opened and listed, and not what is asked for only. An answer that could be another one is
known all the same where a file that is there is then read or listed (``if exists(path): load(path)``), where nothing but a
folder is made or removed by it, and where the file's content is known anyway. All else is yielded.
"""

from __future__ import annotations

import ast

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

if __package__:
    from reprofp.probes.asks_attempts import EXISTENCE, draws_behind, find_attempts, is_plumbing
    from reprofp.probes.shapes import Shapes, ends, last_name, leaves
else:
    from asks_attempts import (  # type: ignore[import-not-found, no-redef, unused-ignore]
        EXISTENCE,
        draws_behind,
        find_attempts,
        is_plumbing,
    )
    from shapes import Shapes, ends, last_name, leaves  # type: ignore[import-not-found, no-redef, unused-ignore]

__all__ = ["find_files"]

_CONTENT_TELLS = frozenset({"exists", "lexists", "isfile", "isdir", "is_file", "is_dir", "getsize", "st_size"})
"""Answers that follow where a file was read."""
_ANSWERS_OF_OTHERS = frozenset({"path", "gfile", "file_io", "fileio", "fs", "os"})
"""Modules of packages that ask the file system in their own ways."""
_SIZES = frozenset({"getsize", "st_size", "stat", "lstat", "st_mode", "st_nlink", "st_blocks"})
_OWNERS_OF_LOAD = ("numpy.", "joblib.", "pandas.", "gzip.", "bz2.", "lzma.", "io.", "codecs.", "os.", "PIL.")
_READS = frozenset(
    "open load loadtxt genfromtxt fromfile read_csv read_table read_json read_fwf read_pickle".split()  # noqa: SIM905
)
_READ_BY = frozenset({"torch.load", "torch.serialization.load", "tarfile.open", "wave.open"})
_LISTS = frozenset({"listdir", "scandir", "walk"})
_WAITING = frozenset({"walk", "iterdir", "rglob"})
_TAKERS = frozenset({"sorted", "list", "tuple", "set", "next", "any", "sum", "max", "min", "dict"})
_LISTINGS = frozenset({"listdir", "iterdir", "scandir"})
_OF_LISTED = frozenset({"isfile", "isdir", "is_file", "is_dir", "exists", "lexists"})
"""What is known of each name that is listed."""
_READS_ITSELF = frozenset({"open", "read_text", "read_bytes", "iterdir", "rglob"})
"""Methods of a path."""
_WRITES = frozenset(
    {"save", "savetxt", "to_csv", "to_json", "dump", "savez", "savez_compressed", "write_text", "write_bytes"}
)

_NATIVE = frozenset({"mmap", "engine", "storage_options"})
"""Keywords by which a file may be read without its being heard."""


def find_files(shapes: Shapes) -> Iterator[str]:
    """Yield the names of functions whose answers are no facts and may matter."""
    yield from find_attempts(shapes)
    scan = _Files(shapes)
    for node in shapes.nodes:
        name = scan.asks(node)
        if name and not scan.is_known(node, name):
            yield f"files:{name}"


class _Files:
    """The questions of one source about files."""

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes

    def asks(self, node: ast.AST) -> str:
        """Return what a node asks of a file, or nothing."""
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            name = node.attr
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            origin = self.shapes.origins.get(node.id, "")
            name = origin.rpartition(".")[2] if self._answers(origin) or origin == "shutil.which" else ""
        else:
            return ""
        if name == "which":
            return name if self.shapes.origin(node) == "shutil.which" else ""
        if name not in EXISTENCE and name not in _SIZES:
            return ""
        parent = self.shapes.parents.get(node)
        if (
            name == "stat"
            and isinstance(parent, ast.Call)
            and isinstance(self.shapes.parents.get(parent), ast.Attribute)
        ):
            return ""  # then which part of it is what counts
        return "" if isinstance(node, ast.Attribute) and self._is_of_others(node) else name

    def _is_of_others(self, node: ast.Attribute) -> bool:
        """Whether a name is that of something else: the module ``stat``, the statistics of a package."""
        origin = self.shapes.origin(node)
        return bool(origin) and not self._answers(origin)

    @staticmethod
    def _answers(origin: str) -> bool:
        """Whether a name that was imported may be that of a question about files."""
        known = origin.startswith(("os", "pathlib", "posix", "genericpath", "shutil"))
        return known or not _ANSWERS_OF_OTHERS.isdisjoint(origin.split(".")[:-1])

    def is_known(self, node: ast.AST, name: str) -> bool:
        """Whether the answer follows from what is a fact, or changes nothing."""
        call = self.shapes.parents.get(node)
        if name.startswith("st_") and isinstance(node, ast.Attribute):
            call = node.value
        if not isinstance(call, ast.Call) or name == "which":
            return False
        path = self._path_of(call)
        asked = node if name.startswith("st_") else call
        if path is None or (isinstance(path, ast.Constant) and str(path.value).startswith("/")):
            return False
        told = name in _CONTENT_TELLS
        if told and self._is_read_before(asked, path, writes=name in _SIZES):
            return True
        if name in _SIZES:
            return told and self._is_read_after(asked, path)
        if name in _OF_LISTED and self._is_listed(path):
            return True
        return self._decides_only_reading(asked, path)

    @staticmethod
    def _path_of(call: ast.Call) -> ast.expr | None:
        if call.args:
            return call.args[0]
        return call.func.value if isinstance(call.func, ast.Attribute) else None

    # --- listings -------------------------------------------------------------------------------------------

    def _is_listed(self, path: ast.expr) -> bool:
        """Whether a path comes from a folder that is listed, whose record tells files from folders."""
        if isinstance(path, ast.Name):
            if path.id in self.shapes.arguments:
                return False
            listed = self._listings_of(path)
            return bool(listed) and all(last_name(call.func) not in {"listdir", "walk"} for call in listed)
        if isinstance(path, ast.BinOp) and isinstance(path.op, ast.Div):
            folder, name = path.left, path.right
        elif isinstance(path, ast.Call) and last_name(path.func) in {"join", "Path"} and len(path.args) == 2:  # noqa: PLR2004
            folder, name = path.args
        else:
            return False
        listed = self._listings_of(name) if isinstance(name, ast.Name) and self.shapes.is_steady(folder) else []
        return bool(listed) and all(call.args and self.shapes.same(call.args[0], folder) for call in listed)

    def _listings_of(self, name: ast.Name) -> list[ast.Call]:
        """Return the calls that list the folders whose names a loop goes through; none where one is not known."""
        found: list[ast.Call] = []
        for store in self.shapes.stores.get(name.id, []):
            loop = self.shapes.parents.get(store)
            if not isinstance(loop, (ast.For, ast.comprehension)) or loop.target is not store:
                return []
            listing = self._listing_of(loop.iter)
            if listing is None:
                return []
            found.append(listing)
        return found

    def _listing_of(self, items: ast.expr) -> ast.Call | None:
        if isinstance(items, ast.Name):
            if self._is_added_to(items.id):
                return None
            bound = self.shapes.stores.get(items.id, [])
            parent = self.shapes.parents.get(bound[0]) if len(bound) == 1 else None
            return self._listing_of(parent.value) if isinstance(parent, ast.Assign) else None
        if not isinstance(items, ast.Call):
            return None
        name = last_name(items.func)
        if name in {"sorted", "list", "tuple", "reversed", "tqdm"} and items.args:
            return self._listing_of(items.args[0])
        own = name != "iterdir" and not self.shapes.origin(items.func).startswith("os.")
        return items if name in _LISTINGS and not own else None

    def _is_added_to(self, name: str) -> bool:
        """Whether something may be put into a list of names."""
        parents = (self.shapes.parents.get(load) for load in self.shapes.loads.get(name, ()))
        return name in self.shapes.arguments or any(
            isinstance(parent, ast.Attribute) and parent.attr in {"append", "extend", "insert"} for parent in parents
        )

    # --- shapes ---------------------------------------------------------------------------------------------

    def _is_read_before(self, asked: ast.AST, path: ast.expr, *, writes: bool) -> bool:
        if not self.shapes.is_steady(path):
            return False
        around = {id(block): place for block, place in self.shapes.blocks_around(asked)}
        for call in self.shapes.calls:
            if self._reads(call, path) or (writes and self._writes(call, path)):
                for block, place in self.shapes.surely_in(call):
                    if place < around.get(id(block), -1) and not leaves(block[place : around[id(block)]]):
                        return True
        return False

    def _is_read_after(self, asked: ast.AST, path: ast.expr) -> bool:
        statement = self.shapes.statement(asked)
        block = self.shapes.block(statement)
        return bool(block) and self._is_read_in(block[block.index(statement) :], path) and self.shapes.is_steady(path)  # type: ignore[arg-type]

    def _decides_only_reading(self, asked: ast.AST, path: ast.expr) -> bool:
        """Whether what hangs on a file's being there is heard, or is no more than a folder that is made."""
        test, positive, follows = asked, True, True
        parent = self.shapes.parents.get(test)
        while isinstance(parent, ast.BoolOp) or (isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not)):
            if isinstance(parent, ast.UnaryOp):
                positive = not positive
            else:  # whether the file is there follows from the whole
                follows = follows and isinstance(parent.op, ast.And) == positive
            test, parent = parent, self.shapes.parents.get(parent)
        if (
            isinstance(parent, ast.If)
            and parent.test is test
            and not parent.orelse
            and is_plumbing(self.shapes, parent.body)
        ):
            return not draws_behind(parent.test, asked)
        if not follows:
            return False
        if isinstance(parent, ast.IfExp) and parent.test is test:
            branch = parent.body if positive else parent.orelse
            return any(self._reads(node, path) and self._is_sure(node, branch) for node in ast.walk(branch))
        if isinstance(parent, ast.Assign) and parent.value is test and positive:
            return self._decides_by_name(parent, path)
        if isinstance(parent, ast.Assert):
            return positive and self._is_read_after(asked, path)
        return isinstance(parent, ast.If) and parent.test is test and self._decides_in(parent, path, positive=positive)

    def _decides_by_name(self, given: ast.Assign, path: ast.expr) -> bool:
        """Whether all that is done by the name of an answer is known."""
        name = given.targets[0] if len(given.targets) == 1 else None
        if not isinstance(name, ast.Name) or not self.shapes.is_steady(path) or self._is_shared(name):
            return False
        others = [self.shapes.parents.get(store) for store in self.shapes.stores[name.id]]
        values = [getattr(other, "value", None) for other in others if other is not given]
        if not all(isinstance(value, ast.Constant) and value.value is False for value in values):
            return False
        return all(self._decides_only_reading(load, path) for load in self.shapes.loads.get(name.id, ()))

    def _is_shared(self, name: ast.Name) -> bool:
        """Whether others may look at a name by what it belongs to: a class, or a module that nobody runs."""
        scope = self.shapes.scope(name)
        if isinstance(scope, ast.ClassDef) or not self.shapes.loads.get(name.id):
            return True
        shared = (ast.Global, ast.Nonlocal)
        if any(isinstance(node, shared) and name.id in node.names for node in self.shapes.nodes):
            return True
        return isinstance(scope, ast.Module) and name.id.isupper()

    def _decides_in(self, choice: ast.If, path: ast.expr, *, positive: bool) -> bool:
        branch = choice.body if positive else choice.orelse
        if branch and self.shapes.is_steady(path, inside=choice) and self._is_read_in(branch, path):
            return True
        block = self.shapes.block(choice)
        if positive or not block or not (ends(choice.body) or self._is_made_in(choice.body, path)):
            return False
        return self._is_read_in(block[block.index(choice) + 1 :], path) and self.shapes.is_steady(path)

    def _is_made_in(self, statements: Sequence[ast.stmt], path: ast.expr) -> bool:
        """Whether a file is written so that it is heard: then it is no input, as one that was there before is."""
        for number, statement in enumerate(statements):
            for node in ast.walk(statement):
                sure = any(statement in block for block, _place in self.shapes.surely_in(node))
                if isinstance(node, ast.Call) and self._opens_for_writing(node, path) and sure:
                    return not leaves(statements[:number])
        return False

    def _opens_for_writing(self, call: ast.Call, path: ast.expr) -> bool:
        name, given = last_name(call.func), [argument for argument in call.args if self.shapes.same(argument, path)]
        if name == "urlretrieve":
            return bool(given)
        if name == "open" and isinstance(call.func, ast.Attribute) and self.shapes.same(call.func.value, path):
            return not _is_for_reading(call.args[:1], call)
        return name == "open" and bool(given) and not _is_for_reading(call.args[1:2], call)

    def _is_read_in(self, statements: Sequence[ast.stmt], path: ast.expr) -> bool:
        """Whether a path is read by one of these statements, whenever they are reached."""
        for number, statement in enumerate(statements):
            if isinstance(statement, ast.If) and self._is_read_either_way(statement, path):
                return not leaves(statements[:number])
            if self._is_changed_in(statement, path) and not self._is_made_if_missing(statement, path):
                return False
            for node in ast.walk(statement):
                if self._reads(node, path) and any(statement in block for block, _place in self.shapes.surely_in(node)):
                    return not leaves(statements[:number])
        return False

    def _is_changed_in(self, statement: ast.stmt, path: ast.expr) -> bool:
        """Whether a file may be another one after a statement: what is read then was not there before."""
        calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
        return any(self._writes(call, path) or self._opens_for_writing(call, path) for call in calls)

    def _is_made_if_missing(self, statement: ast.stmt, path: ast.expr) -> bool:
        return isinstance(statement, ast.If) and self._is_made_in(statement.body, path)

    def _is_read_either_way(self, choice: ast.If, path: ast.expr) -> bool:
        return bool(choice.orelse) and all(self._is_read_in(branch, path) for branch in (choice.body, choice.orelse))

    def _is_sure(self, node: ast.AST, expression: ast.expr) -> bool:
        """Whether an expression always evaluates a part of it."""
        while node is not expression:
            parent = self.shapes.parents[node]
            if isinstance(parent, (ast.Lambda, ast.IfExp, ast.BoolOp, ast.comprehension)):
                return False
            node = parent
        return True

    # --- readers --------------------------------------------------------------------------------------------

    def _reads(self, node: ast.AST, path: ast.expr) -> bool:
        """Whether a call opens or lists a path where the audit hears it."""
        if not isinstance(node, ast.Call) or any(word.arg in _NATIVE or word.arg is None for word in node.keywords):
            return False
        name = last_name(node.func)
        if isinstance(node.func, ast.Attribute) and self.shapes.same(node.func.value, path):
            return name in _READS_ITSELF and self._is_taken(node, name) and _is_for_reading(node.args[:1], node)
        if not node.args or not self.shapes.same(node.args[0], path):
            return False
        own = isinstance(node.func, ast.Name) and name in self.shapes.functions
        if not own and (name in _READS or name in _LISTS):
            origin = self.shapes.origin(node.func)
            plain = (
                isinstance(node.func, ast.Name) and name == "open" and not origin and "open" not in self.shapes.stores
            )
            known = plain or origin in _READ_BY or origin.startswith(_OWNERS_OF_LOAD)
            return known and self._is_taken(node, name) and _is_for_reading(node.args[1:2], node)
        return not (isinstance(node.func, ast.Name) and self._is_bound_otherwise(name)) and self._hands_on(node)

    def _is_taken(self, call: ast.Call, name: str) -> bool:
        """Whether something is taken of a listing that waits until then."""
        parent = self.shapes.parents.get(call)
        taken = isinstance(parent, ast.For) or (isinstance(parent, ast.Call) and last_name(parent.func) in _TAKERS)
        return taken or name not in _WAITING

    def _is_bound_otherwise(self, name: str) -> bool:
        """Whether a name may stand for something else than a function of this source."""
        functions = self.shapes.functions.get(name, [])
        of_class = any(isinstance(self.shapes.parents.get(each), ast.ClassDef) for each in functions)
        return of_class or name in self.shapes.origins or name in self.shapes.stores or name in self.shapes.arguments

    def _hands_on(self, call: ast.Call) -> bool:
        """Whether a function of this source, or a method of the same object, reads its first argument."""
        method = isinstance(call.func, ast.Attribute) and last_name(call.func.value) == "self"
        found = self.shapes.functions.get(last_name(call.func), []) if method or isinstance(call.func, ast.Name) else []
        place = int(method)
        if (
            len(found) != 1
            or len(found[0].args.args) <= place
            or found[0].decorator_list
            or isinstance(found[0], ast.AsyncFunctionDef)
        ):
            return False
        if any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in ast.walk(found[0])):
            return False
        given = found[0].args.args[place].arg
        inner = ast.Name(given, ast.Load())
        if given in self.shapes.stores or self._is_recursive(found[0], given):
            return False
        return self._is_read_in(found[0].body, inner)

    @staticmethod
    def _is_recursive(function: ast.FunctionDef | ast.AsyncFunctionDef, given: str) -> bool:
        """Whether a function calls others of the source by its argument: one step is enough."""
        return any(
            isinstance(node, ast.Call)
            and (isinstance(node.func, ast.Name) or last_name(getattr(node.func, "value", node)) == "self")
            and last_name(node.func) != "open"
            and node.args[:1]
            and isinstance(node.args[0], ast.Name)
            and node.args[0].id == given
            for node in ast.walk(function)
        )

    def _writes(self, node: ast.Call, path: ast.expr) -> bool:
        """Whether a call writes a file whose content follows from the rest of the run."""
        name = last_name(node.func)
        if isinstance(node.func, ast.Attribute) and self.shapes.same(node.func.value, path):
            return name in {"write_text", "write_bytes"}
        if any(word.arg in {"mode", None} for word in node.keywords):
            return False  # what was there before may stay
        return name in _WRITES and any(self.shapes.same(argument, path) for argument in node.args)


def _is_for_reading(modes: Sequence[ast.expr], call: ast.Call) -> bool:
    if last_name(call.func) != "open":
        return True
    modes = [*modes, *(word.value for word in call.keywords if word.arg == "mode")]
    return all(isinstance(mode, ast.Constant) and not set(str(mode.value)) & set("wax+") for mode in modes)
