"""More than two records: groups rest on pairs alone, and what is promised of pairs is not transitive."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprofp.errors import UsageError
from reprofp.verdict import Level, compare
from reprofp.verdict.many import Table, compare_many, divide, find_groups
from verdict.records import UNKNOWN, make_run

LR = ("config", "lr")


def make_table(*runs):
    return Table(runs, compare_many(runs, compare))


def run(time_ns, changes=None, **options):
    return make_run(changes, time_ns=time_ns, **options)


def test_groups_are_sets_of_which_every_pair_goes_together():
    goes = {(0, 1), (1, 2), (2, 3), (3, 4), (2, 4)}
    assert find_groups(6, lambda a, b: (min(a, b), max(a, b)) in goes) == [(2, 3, 4), (0, 1), (1, 2)]
    assert find_groups(3, lambda *_: True) == [(0, 1, 2)]
    assert find_groups(3, lambda *_: False) == []


@given(count=st.integers(0, 7), data=st.data())
def test_groups_are_the_largest_there_are(count, data):
    pairs = [pair for pair in combinations(range(count), 2) if data.draw(st.booleans())]
    groups = find_groups(count, lambda a, b: (min(a, b), max(a, b)) in pairs)
    for group in groups:
        assert all(pair in pairs for pair in combinations(group, 2))
        for other in set(range(count)) - set(group):
            assert not all((min(one, other), max(one, other)) in pairs for one in group)
    assert {pair for group in groups for pair in combinations(group, 2)} == set(pairs)
    assert len(groups) == len(set(groups))


def test_the_number_of_groups_is_bounded():
    """Fifteen triples of records that exclude each other have 3 ** 15 largest groups."""
    assert len(find_groups(45, lambda a, b: a // 3 != b // 3)) == 200


def test_levels_groups_and_causes_of_a_table():
    table = make_table(run(1), run(2), run(3, {"config.lr": 0.5}), run(4))
    assert table.promised(0, 1) is table.promised(1, 0) is compare(table.records[0], table.records[1]).overall.promised
    assert table.promised(0, 2) is Level.INCOMPARABLE
    assert (0, 1, 3) in table.groups(table.promised(0, 1))
    reason, count = table.causes()[0]
    assert (reason.path, count) == (LR, 3)
    assert table.worst((0,)) is None
    assert table.worst((0, 1, 2)) is Level.INCOMPARABLE


def test_unknown_is_a_group_of_its_own():
    table = make_table(run(1), run(2, {"config.lr": UNKNOWN}), run(3, {"config.lr": UNKNOWN}), run(4))
    assert [part.members for part in divide(table, LR).parts] == [(0, 3), (1,), (2,)]


def test_metrics_of_groups_of_five_are_tested():
    runs = [
        run(index, {"config.lr": 0.1 if index < 5 else 0.2}, metrics={"loss": [(0, 1.0 + index % 5 * 1e-4)]})
        for index in range(10)
    ]
    division = divide(make_table(*runs), LR, margin=0.01)
    (((one, other), (metric,)),) = division.metrics
    assert (one, other) == (0, 1)
    assert metric.equivalent is True
    assert (metric.runs_a, metric.runs_b) == (5, 5)


def test_one_record_is_not_many():
    with pytest.raises(UsageError, match="expected 2 to 100"):
        compare_many([run(1)], compare)
    with pytest.raises(UsageError):
        compare_many([run(1)] * 101, compare)


def test_a_record_that_stands_twice_is_the_same():
    one = run(1)
    assert make_table(one, one).promised(0, 1) is Level.BITWISE
