from __future__ import annotations

from pathlib import Path

import pytest

from reprofp.model.facets import Facet
from reprofp.model.schema import FACETS, Phase, find_spec
from reprofp.probes.base import Context
from reprofp.probes.registry import PROBES
from reprofp.probes.runner import Outcome, run_probes

by_name = pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)


def test_each_facet_but_those_to_come_has_one_probe():
    names = [probe.name for probe in PROBES]
    assert len(set(names)) == len(names)
    assert {name.partition(".")[0] for name in names} == FACETS.keys() - {"numerics"}
    assert [name for name in names if "." in name and not name.startswith("framework.")] == []


@by_name
def test_a_probe_writes_the_newest_version_of_its_facet(probe):
    spec = find_spec(probe.name)
    assert spec is not None
    assert probe.version == spec.version


@pytest.fixture(scope="module")
def empty_world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    return {"root": folder, "proc": folder / "proc", "sys": folder / "sys", "environ": {"PATH": "/bin"}, "cwd": folder}


def refuse(name):
    raise OSError(f"no {name} here")


@by_name
@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("process", [None, {}], ids=["no process", "a process that told nothing"])
def test_in_an_empty_world_a_probe_reports_what_can_be_written_down(probe, phase, process, empty_world):
    context = Context(phase=phase, process=process, load_library=refuse, **empty_world)
    if not probe.applies(context):
        return
    try:
        report = probe.observe(context)
    except (OSError, ValueError):
        return
    facet = Facet(probe.name, probe.version, report.facts)
    assert Facet.from_canonical(facet.canonical).raw_id == facet.raw_id
    assert str(empty_world["cwd"]) not in repr(report.facts)


def test_this_machine_can_be_described(tmp_path):
    environ = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "LANG": "C"}
    result = run_probes(Context(environ=environ, cwd=Path.cwd()), time_limit=60)
    bad = {
        name: outcome
        for name, outcome in result.timings.items()
        if outcome.outcome not in (Outcome.OK, Outcome.NOT_APPLICABLE)
    }
    assert bad == {}
    again = run_probes(Context(environ=environ, cwd=Path.cwd()), time_limit=60)
    assert {name: facet.raw_id for name, facet in again.facets.items()} == {
        name: facet.raw_id for name, facet in result.facets.items()
    }
