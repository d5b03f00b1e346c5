"""Send a daemon a million broken frames, and see that it neither ends, nor grows, nor believes one.

Usage: python bench/faults/wire_fuzz.py [--frames N] [--seed N]

Frames of real requests are broken in bits, bytes, lengths and joints, and sent in several pieces over connections that come
and go. A frame that is canonical all the same is answered by its method; every other one by an error, or by the end of the
connection. Counted are frames, replies by code, and the daemon's memory before and after; the exit code is 1 where the
daemon ended, had a defect, stored what it should not have, or grew by more than 64 MiB.
"""

import argparse
import random
import signal
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

from reprofp.client import Client
from reprofp.errors import FormatError
from reprofp.wire import Request, pack_request, read_reply, read_request

MOST_GROWTH = 64 << 20
SEEDS = [
    Request("ping"),
    Request("health"),
    Request("resolve", {"name": "@-1"}),
    Request("log", {"limit": 3, "kind": "run", "before": None}),
    Request("record.put", {"records": [b"reprofp record/1\n" + bytes(60)], "tag": "good"}),
    Request("compare", {"a": "@-1", "b": "@-2", "vary": ["config.lr"], "accept_measured": True}),
]
BYTES = bytes([0x00, 0x80, 0x81, 0x90, 0x91, 0xC0, 0xC1, 0xC6, 0xD4, 0xDB, 0xDD, 0xDF, 0xFF])


def break_frame(rng: random.Random, frame: bytes) -> bytes:
    data = bytearray(frame)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data))
        match rng.randrange(5):
            case 0:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                data[at] = rng.choice(BYTES)
            case 2:
                data[at:at] = rng.randbytes(rng.randint(1, 12))
            case 3 if len(data) > 8:
                del data[at : at + rng.randint(1, 4)]
            case _:
                data[at:at] = data[at : at + rng.randint(1, 30)]
    if rng.random() < 0.7:  # the length agrees: what follows is read
        data[:4] = max(0, len(data) - 4).to_bytes(4, "big")
    return bytes(data)


def read_memory(process: int) -> int:
    pages = Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * 4096


def is_whole(data: bytes) -> bool:
    return len(data) > 4 and int.from_bytes(data[:4], "big") == len(data) - 4


def is_request(data: bytes) -> bool:
    try:
        read_request(data[4:])
    except FormatError:
        return False
    return True


class Channel:
    def __init__(self, path: Path) -> None:
        self._path, self._raw, self._data = path, None, b""

    def send(self, data: bytes) -> None:
        if self._raw is None:
            self._raw = socket.socket(socket.AF_UNIX)
            self._raw.settimeout(60)
            self._raw.connect(str(self._path))
        self._raw.sendall(data)

    def read(self) -> str:
        """Return the code of the next reply, or how the connection ended."""
        while len(self._data) < 4 or len(self._data) < 4 + int.from_bytes(self._data[:4], "big"):
            part = self._raw.recv(1 << 16)
            if not part:
                return "closed"
            self._data += part
        size = 4 + int.from_bytes(self._data[:4], "big")
        reply, self._data = read_reply(self._data[4:size]), self._data[size:]
        return reply.code or "ok"

    def close(self) -> None:
        raw, self._raw, self._data = self._raw, None, b""
        if raw is not None:
            raw.close()


def send_one(channel: Channel, data: bytes, counts: Counter[str]) -> bool:
    """Send one broken frame; false where its reply is not what it should be."""
    code = "closed"
    with suppress(ConnectionError):
        channel.send(data)
        if not is_whole(data):  # nobody knows where the next frame would begin
            channel._raw.shutdown(socket.SHUT_WR)  # noqa: SLF001
        code = channel.read()
    counts[code] += 1
    if not is_whole(data) or code == "closed":
        channel.close()
        return True
    return code != "internal" and (code not in ("frame", "version")) == is_request(data)


def fuzz(path: Path, process: subprocess.Popen[str], frames: int, seed: int) -> int:
    rng, counts, wrong = random.Random(seed), Counter[str](), 0
    with Client(str(path), deadline_s=60) as client:
        client.ping()
    seeds, channel, before = [pack_request(item) for item in SEEDS], Channel(path), 0
    for number in range(frames):
        if number == min(1000, frames // 10):
            before = read_memory(process.pid)
        wrong += not send_one(channel, break_frame(rng, rng.choice(seeds)), counts)
    grown = read_memory(process.pid) - before
    with Client(str(path), deadline_s=60) as client:
        records = client.health()["records"]
    print(f"{frames} frames, seed {seed}: {dict(counts.most_common())}")
    print(
        f"wrong answers {wrong}, records stored {records}, memory grew by {grown >> 10} KiB, alive {process.poll() is None}"
    )
    return int(wrong > 0 or records > 0 or grown > MOST_GROWTH or process.poll() is not None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reprofp-fuzz-") as name:
        path = Path(name, "run", "socket")
        words = [sys.executable, "-m", "reprofp", "daemon", "--socket", path, "--ledger", Path(name, "ledger")]
        process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, cwd=name)
        assert "ready" in process.stderr.readline()
        try:
            return fuzz(path, process, options.frames, options.seed)
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate()


if __name__ == "__main__":
    sys.exit(main())
