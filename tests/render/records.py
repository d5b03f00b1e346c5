"""Hand-made records that the tests of what is shown share."""

from dataclasses import replace

from reprofp.model.facets import Facet
from reprofp.model.observations import ABSENT, Observed, Unknown, UnknownCode
from reprofp.model.records import Process, Result, Run, SideBlob, Snapshot
from reprofp.model.schema import Phase

TIME = 1_795_000_000 * 10**9


def snapshot(time_ns=TIME, phase=Phase.STATIC, **facets):
    built = {name.replace("__", "."): Facet(name.replace("__", "."), 1, facts) for name, facts in facets.items()}
    side = SideBlob({"host.name": "secret-host", "os.boot_time": 5}, {"env.TOKEN": b"\1" * 32}, "key", b"\0" * 16)
    return Snapshot(time_ns, phase, built, side, "reprofp 0.1.0")


A = snapshot(
    os={("sysname",): Observed("Linux"), ("libc", "version"): Observed("2.36")},
    cpu={("model",): Observed(17), **{("isa", f"flag{number:02}"): Observed(value=True) for number in range(30)}},
    gpu={(): ABSENT},
    cuda={("driver_version",): Unknown(UnknownCode.DENIED)},
    packages={("installed", f"p{number}", "version"): Observed("1.0") for number in range(12)},
    config={("lr",): Observed(0.1), ("name",): Observed("x\x1b[31m")},
)
B = snapshot(TIME + 10**9, os={("sysname",): Observed("Linux")}, config={("lr",): Observed(0.01)})
RUN = Run(
    TIME,
    replace(A, time_ns=TIME + 2 * 10**9),
    (
        Process("train.py/0/0", 0, snapshot(phase=Phase.END, config={("lr",): Observed(0.1)})),
        Process("w.py/0/1", -9, None),
    ),
    Result(
        0,
        83_400_000_000,
        {"model": {"digest": "blake3:" + "cd" * 32, "files": 1, "bytes": 123456}, "gone": {"error": "no such file"}},
        {"loss": [(0, 1.5), (1, float("nan"))], "none": []},
    ),
    SideBlob({"argv": "train.py --lr 0.1"}, salt=b"\0" * 16),
    "reprofp 0.1.0",
)
