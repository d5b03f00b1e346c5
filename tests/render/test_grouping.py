"""Rows: what one rule says of many packages is said once."""

from render.verdicts import reason
from reprofp.model.observations import ABSENT, Observed
from reprofp.render.grouping import gather_rows


def package(name, before="1.0", after="2.0"):
    return reason(
        f"packages.installed.{name}.version",
        Observed(before),
        Observed(after) if after else ABSENT,
        why=f"whether {name} is imported is not known",
        remedy=f"pip install {name}=={before}",
    )


def test_many_packages_have_one_row_and_one_command():
    (row,) = gather_rows([package(name) for name in ("alpha", "beta", "each-one")])
    assert row.count == 3
    assert row.why == "whether each is imported is not known"
    assert row.fix == "pip install alpha==1.0 beta==1.0 each-one==1.0"
    assert row.change.startswith("alpha.version 1.0 -> 2.0, beta.version")


def test_what_is_not_shown_is_not_in_the_command():
    (row,) = gather_rows([package(f"p{number}") for number in range(9)])
    assert row.fix == "pip install p0==1.0 p1==1.0 p2==1.0 ..."
    (row,) = gather_rows([package(f"p{number}") for number in range(9)], everything=True)
    assert row.fix.endswith("p8==1.0")


def test_one_package_is_named():
    (row,) = gather_rows([package("alpha")])
    assert row.why == "whether alpha is imported is not known"
