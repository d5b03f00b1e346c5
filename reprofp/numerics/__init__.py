"""What machines actually compute: digests of the output bits of small fixed kernels."""

from __future__ import annotations

from reprofp.numerics.facets import describe, describe_durations, make_facet
from reprofp.numerics.measuring import BACKENDS, Request, find_library, measure_elsewhere, measure_here

__all__ = [
    "BACKENDS",
    "Request",
    "describe",
    "describe_durations",
    "find_library",
    "make_facet",
    "measure_elsewhere",
    "measure_here",
]
