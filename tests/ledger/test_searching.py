import pytest

from ledger.builders import make_run, make_snapshot
from reprofp.ledger import Filter
from reprofp.ledger.searching import HOST, Condition, find_nearest, search
from reprofp.model.records import SideBlob, Snapshot


@pytest.fixture
def filled(ledger):
    """A ledger with records of two hosts."""
    ledger.append_many([make_snapshot(number, lr=number % 2, on=True, name="a b") for number in range(6)])
    other = make_snapshot(50, lr=1)
    side = SideBlob({"os.host_name": "node-2", "load": 0.5})
    ledger.append(Snapshot(60, other.phase, other.facets, side, other.tool))
    ledger.append(make_run(70, lr=0))
    return ledger


def find(ledger, *conditions, **wanted):
    found = search(ledger, Filter(**wanted), conditions=tuple(Condition(*item) for item in conditions))
    return [line.time_ns for line in found]


def test_by_facts(filled):
    assert find(filled, (("config", "lr"), "1")) == [60, 5, 3, 1]
    assert find(filled, (("config", "lr"), "1.0")) == []
    assert find(filled, (("config", "lr"), "0")) == [70, 4, 2, 0]
    assert find(filled, (("config", "on"), "true"), (("config", "lr"), "1")) == [5, 3, 1]
    assert find(filled, (("config", "name"), "a b"), (("os", "sysname"), "Linux"), since_ns=4) == [5, 4]
    assert find(filled, (("gpu", "name"), "H100")) == []
    assert find(filled, (("packages", "installed", "none", "version"), "absent"), until_ns=1) == [0]


def test_by_host_and_circumstance(filled):
    assert find(filled, (HOST, "node-2")) == [60]
    assert find(filled, (("load",), "0.5")) == [60]
    assert find(filled, (HOST, "node-3")) == []


def test_pages_and_tags(filled):
    filled.tag("good", filled.summary(make_snapshot(3, lr=1, on=True, name="a b").id).id)
    assert [line.time_ns for line in search(filled, Filter(), tag="good")] == [3]
    assert list(search(filled, Filter(kind="run"), tag="good")) == []
    assert list(search(filled, Filter(), tag="none")) == []
    first = list(search(filled, Filter(), limit=3))
    second = list(search(filled, Filter(below=first[-1].leaf), limit=3))
    assert [line.time_ns for line in first + second] == [70, 60, 5, 4, 3, 2]


def test_the_nearest_come_first(ledger):
    same = [make_snapshot(number, lr=1) for number in range(3)]
    ledger.append_many(same)
    ledger.append_many(
        [make_snapshot(10, lr=2), make_snapshot(11, packages=9, lr=1), make_snapshot(12, packages=9, lr=2)]
    )
    found = [line.time_ns for line in find_nearest(ledger, same[0])]
    assert found == [2, 1, 10, 11, 12]
    assert [line.time_ns for line in find_nearest(ledger, same[0], limit=2)] == [2, 1]
    assert find_nearest(ledger, make_snapshot(99, lr=77, packages=77), limit=1)
