"""Small records for the tests of the ledger."""

from reprofp.model.facets import Facet
from reprofp.model.observations import Observed
from reprofp.model.records import Process, Result, Run, SideBlob, Snapshot
from reprofp.model.schema import Phase

SALT = bytes(range(16))


def make_snapshot(time_ns=1, *, phase=Phase.END, salt=SALT, packages=3, **config):
    names = {("installed", f"package-{number}", "version"): Observed(f"1.{number}") for number in range(packages)}
    facets = {
        "os": Facet("os", 1, {("sysname",): Observed("Linux")}),
        "packages": Facet("packages", 1, names),
        "config": Facet("config", 1, {(key,): Observed(value) for key, value in config.items()}),
    }
    return Snapshot(time_ns, phase, facets, SideBlob({"host": "node-1"}, salt=salt), "0.1.0")


def make_run(time_ns=10, *, exit_code=0, role="train.py/0/0", salt=SALT, **config):
    start = make_snapshot(time_ns, phase=Phase.START, salt=salt, **config)
    end = make_snapshot(time_ns + 1, salt=salt, **config)
    result = Result(exit_code, 1_000, {"model": {"digest": "blake3:00", "files": 1, "bytes": 4}}, {"loss": [(1, 0.5)]})
    return Run(
        time_ns, start, (Process(role, exit_code, end),), result, SideBlob({"host": "node-1"}, salt=salt), "0.1.0"
    )
