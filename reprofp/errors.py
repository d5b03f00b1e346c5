"""The errors that reprofp raises on purpose.

Every one of them is caused by input or surroundings that a user can change, and its text says what
happened, where, why, and what to do about it. The command line prints that text and exits with
``exit_code``; anything else that escapes is a defect of reprofp (exit code 70).
"""

from __future__ import annotations

__all__ = [
    "AmbiguousNameError",
    "DaemonError",
    "FormatError",
    "InputError",
    "LedgerError",
    "NameNotFoundError",
    "ReprofpError",
    "UnstableFileError",
    "UsageError",
]


class ReprofpError(Exception):
    """Base of all errors that reprofp raises on purpose."""

    exit_code = 3


class UsageError(ReprofpError):
    """The request contradicts itself or names something that does not exist in reprofp."""


class InputError(ReprofpError):
    """A file, folder or value that was given cannot be read or used."""


class FormatError(InputError):
    """Bytes are not what their format demands: truncated, not canonical, or from a newer reprofp."""


class UnstableFileError(InputError):
    """A file changed while it was being read, so no digest of it would be true."""


class NameNotFoundError(InputError):
    """A name of a record matches nothing."""


class AmbiguousNameError(InputError):
    """A name of a record matches several records."""


class LedgerError(ReprofpError):
    """The ledger cannot be opened, read or written."""


class DaemonError(ReprofpError):
    """The daemon cannot be started or reached, is too slow, or refuses a request."""

    def __init__(self, text: str, code: str = "gone") -> None:
        """Keep the text, and the code that the wire format has for the cause (``gone``: no answer at all)."""
        super().__init__(text)
        self.code = code
