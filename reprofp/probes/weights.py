"""The facet ``weights``: digests of the weights that were declared.

``NAME.digest`` is that of their meaning (equal tensors in other shards or another order are equal) where the format is
known, ``NAME.file_digest`` that of the bytes, ``NAME.format`` says which it is.
"""

from __future__ import annotations

from pathlib import Path

from reprofp.errors import ReprofpError
from reprofp.model.paths import format_path
from reprofp.probes.base import Context, Report
from reprofp.probes.datasets import add_unreadable
from reprofp.probes.files import to_text
from reprofp.probes.redaction import redact_path, redact_tokens

__all__ = ["WeightsProbe"]


class WeightsProbe:
    """Reports digests of weights."""

    name = "weights"
    version = 1
    unbounded = True
    """Hashing takes as long as the weights are large."""

    def applies(self, context: Context) -> bool:  # noqa: ARG002  no weights is an observation too
        """Return True."""
        return True

    def observe(self, context: Context) -> Report:
        """Report the declared weights."""
        report = Report()
        for given, path in context.experiment.weights.items():
            _add_weights(report, to_text(given), context.cwd / path, context)
        return report


def _add_weights(report: Report, name: str, path: Path, context: Context) -> None:
    from reprofp.datasets import hash_weights  # noqa: PLC0415  loads the native core, and few snapshots declare weights

    try:
        digest = hash_weights(path)
    except (OSError, ReprofpError) as error:
        add_unreadable(report, ("weights", name), error, context)
        return
    report.observe(name, "digest", value=str(digest.digest))
    report.attach(digest.digest, digest.attachment())
    report.observe(name, "file_digest", value=str(digest.file_digest))
    report.observe(name, "format", value=digest.format)
    where = redact_path(redact_tokens(to_text(str(path))), context.environ.get("HOME", ""))
    report.circumstances[format_path(("weights", name, "path"))] = where
