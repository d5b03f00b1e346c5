"""Write the golden vectors beside this file: ``python tests/model/vectors/make.py``.

Vectors are only ever added. A change to one that is there is a break of the format, and of every id.
"""

import json
import math
from datetime import date, datetime, time, timezone
from pathlib import Path

from reprofp.model.canonical import encode
from reprofp.model.facets import Facet
from reprofp.model.fingerprints import Fingerprint
from reprofp.model.ids import hash_bytes
from reprofp.model.observations import ABSENT, Observed, Unknown, UnknownCode
from reprofp.model.records import Process, Result, Run, SideBlob, Snapshot
from reprofp.model.schema import Phase

HERE = Path(__file__).parent

VALUES = {
    "nil": None,
    "true": True,
    "zero": 0,
    "fixint": 127,
    "uint8": 128,
    "uint16": 256,
    "uint32": 65536,
    "uint64": 2**64 - 1,
    "negative fixint": -32,
    "int8": -33,
    "int64": -(2**63),
    "beyond 64 bits": 2**64,
    "below 64 bits": -(2**63) - 1,
    "float": 0.1,
    "negative zero": -0.0,
    "whole float": 1.0,
    "nan": math.nan,
    "infinity": math.inf,
    "minus infinity": -math.inf,
    "text": "größe",
    "bytes": b"\xff\x00",
    "list": [1, "a", None],
    "map": {"b": 1, "a": {"é": 2, "z": 3}},
    "dollar key": {"$": "int", "$x": 1, "x$": 2},
    "datetime": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone.utc),
    "date": date(2026, 1, 2),
    "time": time(3, 4, 5),
}


def make_records():
    cpu = Facet("cpu", 1, {("vendor",): Observed("AuthenticAMD"), ("isa", "avx2"): Observed(True)})
    gpu = Facet("gpu", 1, {(): ABSENT})
    numpy = Facet(
        "framework.numpy", 1, {("version",): Observed("2.1.0"), ("blas", "name"): Unknown(UnknownCode.FAILED)}
    )
    config = Facet("config", 1, {("lr",): Observed(0.1), ("$argv",): Observed(["fast"])})
    side = SideBlob({"os.hostname": "node1"}, {"env.MY_SETTING": b"\1" * 32}, "0123456789abcdef", b"\2" * 16)
    facets = {facet.name: facet for facet in (cpu, gpu, numpy, config)}
    start = Snapshot(1_767_323_045_000_000_000, Phase.START, {"cpu": cpu, "gpu": gpu}, side, "0.1.0")
    end = Snapshot(1_767_323_046_000_000_000, Phase.END, facets, side, "0.1.0")
    result = Result(
        0, 1_000_000_000, {"model": {"digest": "blake3:00", "files": 1, "bytes": 4}}, {"loss": [(1, 0.5), (2, 0.25)]}
    )
    run = Run(start.time_ns, start, (Process("train.py/0/0", 0, end),), result, side, "0.1.0")
    return facets, start, end, run


def write(name, value):
    (HERE / name).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def main():
    values = [
        {"name": name, "hex": encode(value).hex(), "fa1": hash_bytes("fa1", encode(value)).hex()}
        for name, value in VALUES.items()
    ]
    write("canonical.json", values)
    facets, start, end, run = make_records()
    write(
        "facets.json",
        [{"name": facet.name, "hex": facet.canonical.hex(), "id": facet.raw_id.hex()} for facet in facets.values()],
    )
    prints = {}
    for snapshot in (start, end):
        fingerprint = Fingerprint.of(snapshot.phase, snapshot.facets.values())
        prints[snapshot.phase.value] = {
            "fp1": str(fingerprint),
            "fc1": fingerprint.conditions,
            "fe1": fingerprint.experiment,
        }
    write("fingerprints.json", prints)
    blobs = {"sb1": run.side.blob, "pl1": run.process_list, "rs1": run.result.blob}
    write(
        "records.json",
        {
            "manifests": {record.id: record.manifest.hex() for record in (start, end, run)},
            "blobs": {f"{kind}:{blob.raw_id.hex()}": blob.canonical.hex() for kind, blob in blobs.items()},
        },
    )


if __name__ == "__main__":
    main()
