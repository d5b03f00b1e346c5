"""A few hundred seeded random changes: the cache never says that a file is unchanged when it is not.

The changes are those of bench/faults/unchanged.py, which makes 100,000 of them.
"""

import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench" / "faults"


@pytest.fixture
def run_mutations(monkeypatch):
    if not BENCH.is_dir():
        pytest.skip("no bench/faults beside the tests")
    monkeypatch.setattr(sys, "path", [str(BENCH), *sys.path])
    import unchanged  # noqa: PLC0415 - found by the path above

    return unchanged.run_mutations


@pytest.mark.parametrize("seed", [1, 2])
def test_never_wrongly_unchanged(tmp_path, run_mutations, seed):
    tally = run_mutations(tmp_path, mutations=400, files=40, seed=seed)
    assert tally.mutations >= 400
    assert tally.false_unchanged == 0, tally.blamed
