"""Makes the golden ledger and the golden record files of the newest formats.

Usage: python tests/golden/make.py

Golden files are never made again: every release reads those of all releases before it. A new version of
a format gets files beside the old ones; this script refuses to touch a file that is there.
"""

import json
import os
import sys
import tempfile
from datetime import date
from pathlib import Path

from reprofp.ledger import Ledger, write_record_file
from reprofp.ledger.keeping import purge
from reprofp.ledger.schema import FILE_NAME, VERSION
from reprofp.model.facets import Facet
from reprofp.model.ids import format_id
from reprofp.model.observations import ABSENT, Observed, Unknown, UnknownCode
from reprofp.model.records import Process, Result, Run, SideBlob, Snapshot
from reprofp.model.schema import Phase

HERE = Path(__file__).parent
TIME = 1_790_000_000_000_000_000
SECRET = "hunter2"


def make_snapshot(number, phase, lr):
    facets = [
        Facet("os", 1, {("sysname",): Observed("Linux"), ("timezone",): Unknown(UnknownCode.DENIED)}),
        Facet("gpu", 1, {(): ABSENT}),
        Facet("packages", 1, {("installed", f"package-{at}", "version"): Observed(f"1.{at}") for at in range(40)}),
        Facet("framework.numpy", 1, {("blas", "name"): Observed("openblas64"), ("version",): Observed("2.1.0")}),
        Facet(
            "config",
            1,
            {
                ("lr",): Observed(lr),
                ("layers",): Observed([1, 2**70, None, True]),
                ("day",): Observed(date(2026, 9, 21)),
            },
        ),
        Facet("datasets", 1, {(): Unknown(UnknownCode.NOT_ASKED)}),
    ]
    side = SideBlob(
        {"host": "node-1", "serial": b"\xff\x00"}, {"env.USER_NAME": bytes(32)}, "key-1", bytes([number] * 16)
    )
    return Snapshot(TIME + number, phase, {facet.name: facet for facet in facets}, side, "0.1.0")


def make_records():
    start, end = make_snapshot(1, Phase.START, 0.1), make_snapshot(2, Phase.END, 0.1)
    processes = (Process("train.py/0/0", 0, end), Process("train.py/1/1", -9, None))
    result = Result(
        0,
        5_000_000_000,
        {"model": {"digest": "blake3:" + "ab" * 32, "files": 1, "bytes": 4096}, "plot": {"error": "not there"}},
        {"loss": [(1, 0.5), (2, float("nan"))]},
    )
    side = SideBlob({"host": "node-1"}, {}, "", bytes(16))
    return {
        "snapshot": make_snapshot(0, Phase.STATIC, 0.1),
        "run": Run(TIME + 1, start, processes, result, side, "0.1.0"),
        "purged": make_snapshot(3, Phase.STATIC, SECRET),
    }


DIGEST = "blake3-tree:" + "ab" * 32
ATTACHMENT = b"cd" * 100


def make_ledger(folder, records):
    with Ledger.open(folder) as ledger:
        object.__setattr__(records["snapshot"], "attachments", {DIGEST: ATTACHMENT})
        ledger.append_many(records.values())
        ledger.tag("last-known-good", records["snapshot"].id)
        ledger.tag("last-known-good", records["run"].id)
        ledger.tag("gone", records["run"].id)
        ledger.untag("gone")
        purge(ledger, [format_id("fa1", records["purged"].facets["config"].raw_id)], "a secret leaked")
        report = ledger.verify()
        if not report.is_ok:
            sys.exit(f"not sound: {report.findings}")
        return {
            "schema": VERSION,
            "root": report.root.hex(),
            "size": report.records,
            "tags": ledger.tags(),
            "log": [line.id for line in ledger.log()],
            "records": {name: record.id for name, record in records.items()},
            "fingerprints": {name: str(record.fingerprint) for name, record in records.items()},
        }


def write_new(path, data):
    if path.exists():
        sys.exit(f"{path} is there already: golden files are never made again")
    path.write_bytes(data)


def main():
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        records = make_records()
        expected = make_ledger(folder, records)
        write_new(HERE / f"ledger-{VERSION}.sqlite", (folder / FILE_NAME).read_bytes())
        write_new(HERE / f"ledger-{VERSION}.json", (json.dumps(expected, indent=2) + "\n").encode())
        with Ledger.open(folder, read_only=True) as ledger:
            for name, record_id in expected["records"].items():
                write_record_file(ledger.get(record_id), folder / "file")
                if (folder / "file").read_bytes() != (HERE / f"{name}-1.record").read_bytes():
                    sys.exit(f"{name} is not written as it was: its format needs a new version")


if __name__ == "__main__":
    os.umask(0o022)
    main()
