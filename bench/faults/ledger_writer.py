"""A process that appends records for ledger_faults.py and writes the id of each to standard output once acknowledged.

Usage: python ledger_writer.py FOLDER FIRST COUNT [MUTANT]

A mutant is a writer with a fault, which the tests must notice: no-sync, early-ack, no-folder-sync.
"""

import os
import sys
from pathlib import Path

from reprofp.ledger import Ledger, schema
from reprofp.model.facets import Facet
from reprofp.model.observations import Observed
from reprofp.model.records import SideBlob, Snapshot
from reprofp.model.schema import Phase


def make_record(number: int) -> Snapshot:
    facts = {("installed", f"package-{at}", "version"): Observed(f"{at}.{number}") for at in range(20)}
    facets = {"packages": Facet("packages", 1, facts), "config": Facet("config", 1, {("lr",): Observed(number)})}
    side = SideBlob({"os.host_name": "node-1"}, salt=number.to_bytes(16, "big"))
    return Snapshot(number, Phase.STATIC, facets, side, "0.1.0")


def main(folder: str, first: str, count: str, mutant: str = "") -> None:
    if mutant == "no-folder-sync":
        schema.sync_folder = lambda _folder: None
    with Ledger.open(Path(folder), wait_s=60) as ledger:
        if mutant == "no-sync":
            ledger._database.execute("PRAGMA synchronous = OFF")  # noqa: SLF001  a fault on purpose
        os.write(1, b"open\n")
        for number in range(int(first), int(first) + int(count)):
            record = make_record(number)
            if mutant == "early-ack":
                os.write(1, f"{record.id}\n".encode())
            ledger.append(record)
            if mutant != "early-ack":
                os.write(1, f"{record.id}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
