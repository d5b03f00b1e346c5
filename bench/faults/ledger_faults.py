"""What does a ledger lose when the world fails? Counts are printed; the exit code is 1 if anything was lost.

Usage: python bench/faults/ledger_faults.py [kills] [power] [calls] [bits] [mutants] [--count N] [--folder FOLDER]

kills    kill -9 at random moments, every acknowledged record must be readable afterwards
power    power cuts on a loop-mounted ext4 and xfs: the file system is shut down without flushing its log (root only)
calls    kill at each write, sync and rename (strace); EIO and ENOSPC at each of them
bits     every bit of a small ledger flipped: found by verify, or without effect
mutants  writers without sync, that acknowledge before they sync, that sync no folder: each must be caught by a power cut

Only what was acknowledged before a cut counts. A power cut is real as far as the file system goes: what it had not
written to the disk is gone. It is refused on anything but a loop device.
"""

import argparse
import fcntl
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reprofp.errors import ReprofpError
from reprofp.ledger import Ledger
from reprofp.ledger.schema import FILE_NAME

WRITER = Path(__file__).with_name("ledger_writer.py")
SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN are the same request
NO_LOG_FLUSH = 2
LOOP_MAJOR = 7
CALLS = ("pwrite64", "fdatasync", "fsync", "rename", "ftruncate", "openat", "mkdir", "unlink")
MUTANTS = ("no-sync", "early-ack", "no-folder-sync")
STRIDE = 1
SIZES = {"ext4": 32 << 20, "xfs": 320 << 20}


def start(
    folder: Path, first: int, count: int, mutant: str = "", prefix: tuple[str, ...] = ()
) -> subprocess.Popen[str]:
    words = [*prefix, sys.executable, str(WRITER), str(folder), str(first), str(count), mutant]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def read_names(output: str) -> list[str]:
    return [line for line in output[: output.rfind("\n") + 1].split() if len(line) == 68]


def count_lost(folder: Path, names: list[str]) -> int:
    """Count acknowledged records that cannot be read, and damage."""
    try:
        with Ledger.open(folder) as ledger:
            lost = sum(1 for name in names if not can_read(ledger, name))
            return lost + len(ledger.verify().findings)
    except ReprofpError as error:
        print(f"  cannot be opened: {error}")
        return max(len(names), 1)


def can_read(ledger: Ledger, name: str) -> bool:
    try:
        return ledger.get(name).id == name
    except ReprofpError:
        return False


def run_kills(place: Path, count: int) -> int:
    names: list[str] = []
    for number in range(count):
        writer = start(place, 100_000 * number, 100_000)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(random.uniform(0, 0.05))
        writer.kill()
        names += read_names(writer.communicate()[0])
        if number % 100 == 99:
            print(
                f"  {number + 1} kills, {len(names)} acknowledged, {count_lost(place, names[-2000:])} lost", flush=True
            )
    lost = count_lost(place, names)
    print(f"kills: {count}, acknowledged: {len(names)}, lost: {lost}")
    return lost


@contextmanager
def mounted(kind: str, place: Path) -> Iterator[Path]:
    """A file system of its own in a file."""
    image, point = place / f"{kind}.img", place / kind
    point.mkdir(exist_ok=True)
    if not image.exists():
        with open(image, "wb") as file:
            file.truncate(SIZES[kind])
        subprocess.run([f"mkfs.{kind}", "-q", image], check=True, capture_output=True)
    subprocess.run(["mount", "-o", "loop", image, point], check=True, capture_output=True)
    try:
        yield point
    finally:
        subprocess.run(["umount", point], check=True, capture_output=True)


def cut_power(point: Path) -> None:
    descriptor = os.open(point, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if os.major(os.fstat(descriptor).st_dev) != LOOP_MAJOR:
            sys.exit(f"refused: {point} is not on a loop device")
        fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
    finally:
        os.close(descriptor)


def cut_once(kind: str, place: Path, number: int, mutant: str = "") -> tuple[int, int]:
    """Cut the power while a writer appends to a new ledger; return acknowledged and lost."""
    with mounted(kind, place) as point:
        folder = point / f"ledger-{number}"
        writer = start(folder, 0, 100_000, mutant)
        assert writer.stdout is not None
        writer.stdout.readline()
        wanted = random.randrange(1, 30)
        names = [writer.stdout.readline().strip() for _ in range(wanted)]
        cut_power(point)
        writer.kill()
        writer.communicate()
    with mounted(kind, place) as point:
        lost = count_lost(point / f"ledger-{number}", names)
        shutil.rmtree(point / f"ledger-{number}", ignore_errors=True)
    return len(names), lost


def run_power(place: Path, count: int) -> int:
    lost = 0
    for kind in ("ext4", "xfs"):
        if shutil.which(f"mkfs.{kind}") is None or os.geteuid() != 0:
            print(f"power cuts on {kind}: skipped, mkfs.{kind} or root is missing")
            continue
        try:
            results = [cut_once(kind, place, number) for number in range(count)]
        except subprocess.CalledProcessError as error:
            print(f"power cuts on {kind}: skipped, {error.cmd[0]} says {(error.stderr or b'').decode().strip()}")
            continue
        gone = sum(item[1] for item in results)
        print(
            f"power cuts on {kind}: {count}, acknowledged: {sum(item[0] for item in results)}, lost: {gone}", flush=True
        )
        lost += gone
    return lost


def run_mutants(place: Path, count: int) -> int:
    """Every mutant must be caught: by power cuts, and one without a sync of the folder by the order of its calls.

    (ext4 and xfs write a rename out with the next sync of any file, so that no cut shows what the standard does not
    promise.)
    """
    survived = 0
    for mutant in MUTANTS:
        caught = sum(1 for number in range(count) if cut_once("ext4", place, number, mutant)[1])
        if mutant == "no-folder-sync":
            caught += not syncs_folder(place, mutant)
            survived += not syncs_folder(place, "")  # the test itself must be able to pass
        print(f"mutant {mutant}: caught in {caught} of {count} power cuts", flush=True)
        survived += not caught
    return survived


def syncs_folder(place: Path, mutant: str) -> bool:
    """Whether a writer syncs the folder between the rename that makes the ledger and its first acknowledgement."""
    log, folder = place / "strace", place / f"order-{mutant}"
    start(folder, 0, 1, mutant, trace("-y -e trace=rename,fsync,write", log)).communicate()
    text = log.read_text()
    created = text[text.index("ledger.sqlite.new") : text.index("open\\n")]
    return f"<{folder}>" in created


def trace(what: str, log: Path) -> tuple[str, ...]:
    return ("strace", "-f", "-qq", "-o", str(log), *what.split())


def run_calls(place: Path, _: int) -> int:
    lost = tried = 0
    for call in CALLS:
        log = place / "strace"
        start(place / f"probe-{call}", 0, 5, prefix=trace(f"-y -e trace={call}", log)).communicate()
        lines = log.read_text().splitlines()
        ours = [at for at, line in enumerate(lines, 1) if re.search(r"ledger|sqlite|^\d+ +f", line)]
        for fault in ("signal=KILL", "error=EIO", "error=ENOSPC"):
            for at in ours:
                folder = place / f"{call}-{fault}-{at}"
                writer = start(folder, 0, 5, prefix=trace(f"-e trace={call} -e inject={call}:{fault}:when={at}", log))
                lost += count_lost(folder, read_names(writer.communicate()[0]))
                tried += 1
                shutil.rmtree(folder, ignore_errors=True)
        print(f"  {call}: {len(ours)} places, {tried} faults so far, {lost} lost", flush=True)
    print(f"faults at system calls: {tried}, lost: {lost}")
    return lost


def run_bits(place: Path, _: int) -> int:
    """Flip every bit of a small ledger, or one in STRIDE; what verify does not find must change nothing that can be read."""
    from reprofp.ledger.verifier import hash_leaf  # noqa: F401, PLC0415  loads what a child needs before it is forked

    folder = place / "bits"
    writer = start(folder, 0, 2)
    names = read_names(writer.communicate()[0])
    good = (folder / FILE_NAME).read_bytes()
    expected = read_all(folder, names)
    found = harmless = missed = 0
    bits = range(0, len(good) * 8, STRIDE)
    for bit in bits:
        data = bytearray(good)
        data[bit // 8] ^= 1 << bit % 8
        (folder / FILE_NAME).write_bytes(data)
        state = read_state(folder, names, expected)
        found, harmless, missed = (
            found + (state == "found"),
            harmless + (state == "harmless"),
            missed + (state == "missed"),
        )
        if state == "missed":
            print(f"  missed: bit {bit % 8} of byte {bit // 8}", flush=True)
    print(f"bits flipped: {len(bits)} of {len(good) * 8}, found: {found}, without effect: {harmless}, missed: {missed}")
    return missed


def read_all(folder: Path, names: list[str]) -> object:
    with Ledger.open(folder, read_only=True) as ledger:
        return [ledger.get(name) for name in names], list(ledger.log()), ledger.frontier()


def read_state(folder: Path, names: list[str], expected: object) -> str:
    try:
        with Ledger.open(folder, read_only=True) as ledger:
            if not ledger.verify().is_ok:
                return "found"
        return "harmless" if read_all(folder, names) == expected else "missed"
    except ReprofpError:
        return "found"


TESTS = {"kills": run_kills, "power": run_power, "calls": run_calls, "bits": run_bits, "mutants": run_mutants}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tests", nargs="*", choices=[*TESTS, []], help="which tests; else all")
    parser.add_argument("--count", type=int, default=200, help="kills, or power cuts on each file system")
    parser.add_argument("--folder", type=Path, help="where to work")
    parser.add_argument("--stride", type=int, default=1, help="flip one bit in so many (all of them take two hours)")
    options = parser.parse_args()
    globals()["STRIDE"] = options.stride
    random.seed(1)
    lost = 0
    for name in options.tests or TESTS:
        with tempfile.TemporaryDirectory(dir=options.folder) as place:
            lost += TESTS[name](Path(place), options.count)
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()
