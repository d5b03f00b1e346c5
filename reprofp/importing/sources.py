"""What is imported: a text or a folder that another tool wrote; bounded, and never run.

In: a path. Out: texts, and JSON, YAML or TOML documents. Guaranteed: what cannot be read is an InputError or a
FormatError with the path and the reason, and no more than a bounded number of bytes is ever read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from reprofp.errors import FormatError, InputError
from reprofp.probes.config_files import check_extent
from reprofp.probes.files import read_bounded, to_text
from reprofp.probes.toml import read_toml
from reprofp.probes.yaml_values import read_document

__all__ = ["Source", "as_list", "as_table", "as_text"]

_MOST_BYTES = 32 << 20
_MOST_VALUES = 500_000


@dataclass(frozen=True)
class Source:
    """A file or folder that another tool wrote."""

    path: Path

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.path.is_dir()

    @property
    def name(self) -> str:
        """The base name, for people."""
        return to_text(self.path.absolute().name)

    @property
    def time_ns(self) -> int:
        """When it was last written, in nanoseconds since 1970; 0 where that cannot be told."""
        try:
            return self.path.stat().st_mtime_ns
        except OSError:
            return 0

    @cached_property
    def text(self) -> str:
        """The text of the file.

        Raises:
            InputError: it cannot be read, is no regular file, or is too large.
            FormatError: it is no text in UTF-8.
        """
        return _decode(self.read_bytes(_MOST_BYTES), self.path)

    @property
    def cut_line(self) -> str:
        """The last line where nothing ends it, as tools do: it may have been cut off; else empty."""
        lines = self.text.splitlines(keepends=True)
        return lines[-1].strip() if lines and lines[-1].splitlines()[0] == lines[-1] else ""

    def read_bytes(self, limit: int) -> bytes:
        """Return the content of the file, of at most ``limit`` bytes.

        Raises:
            InputError: it cannot be read, is no regular file, or is too large.
        """
        try:
            return read_bounded(self.path, limit)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read ({error.strerror or error})") from error
        except ValueError as error:
            raise InputError(str(error)) from error

    def below(self, *parts: str) -> Source:
        """Return a file or folder below this folder, which need not be there."""
        return Source(self.path.joinpath(*parts))

    def has(self, *parts: str) -> bool:
        """Whether there is a file below this folder."""
        return self.path.joinpath(*parts).is_file()

    def list(self) -> list[Source]:
        """Return what lies in this folder, sorted by name; nothing where it cannot be listed."""
        try:
            return [Source(self.path / name) for name in sorted(os.listdir(self.path))]
        except OSError:
            return []

    @cached_property
    def json(self) -> Any:
        """The JSON document in the file.

        Raises:
            InputError: the file cannot be read.
            FormatError: it is no JSON.
        """
        return self._parse(json.loads, "JSON")

    @cached_property
    def yaml(self) -> Any:
        """The YAML document in the file.

        Raises:
            InputError: the file cannot be read.
            FormatError: it is no YAML.
        """
        return self._parse(read_document, "YAML")

    @cached_property
    def toml(self) -> Any:
        """The TOML document in the file.

        Raises:
            InputError: the file cannot be read.
            FormatError: it is no TOML.
        """
        return self._parse(read_toml, "TOML")

    def _parse(self, read: Callable[[str], Any], what: str) -> Any:
        try:
            document = read(self.text)
            check_extent(document, _MOST_VALUES)
        except (ValueError, RecursionError) as error:
            detail = "it nests too deeply" if isinstance(error, RecursionError) else str(error)
            raise FormatError(f"{self.path}: no {what} that can be read ({detail[:200]})") from error
        return document

    def try_read(self, form: str) -> Any:
        """Return the document of ``form`` (``json``, ``yaml``, ``toml``, ``text``), or None where there is none."""
        try:
            return getattr(self, form)
        except InputError:
            return None


def _decode(data: bytes, path: Path) -> str:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"  # PowerShell's > writes UTF-16
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: no text in UTF-8 (byte {error.start}): is it the right file?") from error


def as_table(value: Any) -> Mapping[str, Any]:
    """Return a mapping with text keys, or an empty one in the place of anything else."""
    if not isinstance(value, Mapping):
        return {}
    return {key: item for key, item in value.items() if isinstance(key, str)}


def as_list(value: Any) -> list[Any]:
    """Return a list, or an empty one in the place of anything else."""
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """Return a text, or an empty one in the place of anything else."""
    return to_text(value.strip()) if isinstance(value, str) else ""
