"""The log of an offline run of W&B: written here as wandb 0.31 writes it, read as ours."""

import json
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprofp.errors import FormatError
from reprofp.importing import import_sources
from reprofp.importing.wandb_log import HEAD, read_run_log
from reprofp.model.observations import Observed
from reprofp.model.paths import parse_path

BLOCK = 1 << 15


def varint(number):
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def field(number, value):
    """Encode a field of a protocol buffer: a number, or text or a message by its length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def item(key, value, nested=()):
    names = b"".join(field(2, part) for part in nested) or field(1, key)
    return field(1, names + field(16, json.dumps(value)))


def write_log(*records):
    """Write records as the log does: blocks of 32 KiB, a record in several parts where it does not fit."""
    data = HEAD
    for record in records:
        left, kind = record, 1
        while True:
            room = BLOCK - len(data) % BLOCK
            if room < 7:
                data += bytes(room)
                continue
            part, left = left[: room - 7], left[room - 7 :]
            kind = (1 if not left else 2) if kind == 1 else (4 if not left else 3)
            data += struct.pack("<IHB", zlib.crc32(bytes([kind]) + part), len(part), kind) + part
            if not left:
                break
    return data


RUN = field(
    17, field(4, item("lr", 0.1) + item("", 2, ["model", "depth"]) + item("_wandb", {}) + item("key", "x" * 70000))
)
LATE = field(5, item("late", [1, 2]))
HISTORY = [
    field(2, field(2, field(1, step)) + item("loss", 1 / (step + 1)) + item("_step", step) + item("", step, ["a", "b"]))
    for step in range(3)
]
ENVIRONMENT = field(
    26,
    field(1, "Linux-6.8.0-45-generic-x86_64-with-glibc2.36")
    + field(2, "CPython 3.11.7")
    + field(3, field(1, 1795285627) + field(2, 5))
    + field(5, "--epochs")
    + field(5, "3")
    + field(6, "/home/ada/demo/train.py")
    + field(9, field(2, "c" * 40))
    + field(16, 2)
    + field(21, field(1, 25276510208))
    + field(24, field(1, "NVIDIA A100-SXM4-80GB") + field(2, 85899345920))
    + field(25, "12.2"),
)
LOG = write_log(field(21, b""), RUN, ENVIRONMENT, *HISTORY, LATE)


def make_run(folder, data=LOG):
    run = folder / "offline-run-1"
    (run / "files").mkdir(parents=True)
    (run / "files" / "requirements.txt").write_text("numpy==2.2.6\n")
    (run / "run-1.wandb").write_bytes(data)
    return run


def test_a_run_without_files_is_read_from_its_log(tmp_path):
    run = make_run(tmp_path)
    expected = {
        "config.lr": 0.1,
        "config.model.depth": 2,
        "config.late": [1, 2],
        "config.epochs": 3,
        "python.version": "3.11.7",
        "os.libc.version": "2.36",
        "code.entry": "train.py",
        "code.git.commit": "c" * 40,
        "cpu.cores.physical": 2,
        "memory.total_bytes": 25276510208,
        "gpu.device.0.name": "NVIDIA A100-SXM4-80GB",
        "gpu.device.0.memory_bytes": 85899345920,
        "cuda.driver_cuda_version": "12.2",
    }
    for source in (run, run / "files", run / "run-1.wandb"):
        record, _notes = import_sources([source])
        assert {path: record.look_up(parse_path(path)) for path in expected} == {
            path: Observed(value) for path, value in expected.items()
        }
        assert record.time_ns == 1795285627 * 10**9 + 5
        assert record.result.metrics == {
            "loss": [(0, 1.0), (1, 0.5), (2, 1 / 3)],
            "a.b": [(0, 0.0), (1, 1.0), (2, 2.0)],
        }
    assert import_sources([run])[0].look_up(("packages", "installed", "numpy", "version")) == Observed("2.2.6")


def test_a_log_that_breaks_off_gives_what_came_before():
    cut = read_run_log(LOG[: LOG.index(b"loss") + 3], "x")
    assert cut.config["lr"] == 0.1
    assert cut.history == {}


def test_a_damaged_log_is_an_error(tmp_path):
    place = LOG.index(b"model")
    run = make_run(tmp_path, LOG[:place] + b"M" + LOG[place + 1 :])
    with pytest.raises(FormatError, match=r"run-1\.wandb.*checksum"):
        import_sources([run])
    with pytest.raises(FormatError, match="does not begin as one"):
        read_run_log(b"something else", "x")


@given(records=st.lists(st.binary(max_size=60), max_size=5))
def test_no_record_breaks_the_reader(records):
    try:
        read_run_log(write_log(*records), "x")
    except FormatError:
        return


@given(st.binary(max_size=80), st.integers(7, 300))
def test_no_bytes_break_the_reader(noise, place):
    try:
        read_run_log(LOG[:place] + noise, "x")
    except FormatError:
        return
