"""What becomes of a hash run in which one system call fails?

    python bench/faults/hash_syscalls.py [--calls 12] [--threads 2]

Makes a small tree, and hashes it again and again under strace, which makes the first, the second, the third and so on of
one kind of system call fail in each thread. Each run must end with the digest that the tree has,
or with an error that names what could not be read: never with another digest, a signal or a hang. Prints, for each kind
and error, how many runs ended how; exits with 1 if one ended otherwise.
"""

from __future__ import annotations

import argparse
import collections
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

# It waits for a signal until strace is there: an interpreter's own start is none of the faults.
RUN = """
import os, signal, sys
from reprofp._core.reading import scan_tree
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
print("ready", flush=True)
signal.sigwait({signal.SIGUSR1})
try:
    found = scan_tree(os.fsencode(sys.argv[1]), threads=int(sys.argv[2]))
    unread = [entry for entry in found.unlisted() if entry.status != 0]
    print("unread" if unread else found.manifest_digest(b"").hex(), flush=True)
except Exception as error:
    print("error", type(error).__name__, error, flush=True)
os._exit(0)
"""

FAULTS = {
    "openat": ("EIO", "ENOENT", "EMFILE", "EACCES", "ENOMEM", "EINTR"),
    "read": ("EIO", "EINTR"),
    "pread64": ("EIO", "EINTR"),
    "fstat": ("EIO",),
    "statx": ("EIO",),
    "getdents64": ("EIO", "ENOENT"),
    "close_range": ("ENOSYS", "EINVAL"),
    "timerfd_create": ("EMFILE", "EINVAL"),
    "fstatfs": ("EIO",),
    "readlink": ("EIO",),
}
SECONDS = 30  # in which each run ends


def make_tree(root: Path) -> None:
    for i, size in enumerate([0, 1, 5000, 70_000, 300_000, 1100]):
        path = root / f"folder {i % 2}" / f"file {i}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([i]) * size)
        os.utime(path, (1, 1))
    (root / "link").symlink_to("folder 0/file 0")


def run(root: Path, threads: int, inject: str | None) -> str:
    """Hash once; strace joins when the interpreter is ready, so that calls are counted from the hashing on."""
    program = subprocess.Popen(
        [sys.executable, "-c", RUN, str(root), str(threads)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert program.stdout is not None
    program.stdout.readline()
    tracer = attach(program.pid, inject) if inject is not None else None
    try:
        program.send_signal(signal.SIGUSR1)
        output, _ = program.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        program.kill()
        return "hangs"
    finally:
        if tracer is not None:
            tracer.wait()
    return output.strip() if program.returncode == 0 else f"ends with {program.returncode}: {output}"


def attach(process: int, inject: str) -> subprocess.Popen[str]:
    call = inject.split(":", maxsplit=1)[0]
    command = ["strace", "-f", "-qqq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={inject}"]
    tracer = subprocess.Popen([*command, "-p", str(process)], text=True, stderr=subprocess.DEVNULL)
    status = Path(f"/proc/{process}/status")
    while "TracerPid:\t0" in status.read_text() and tracer.poll() is None:
        pass
    return tracer


def classify(outcome: str, digest: str) -> str:
    if outcome == digest:
        return "right digest"
    if outcome == "unread":
        return "named what could not be read"
    return (
        "clear error"
        if outcome.startswith(("error InputError", "error UnstableFileError"))
        else f"WRONG: {outcome[:200]}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=12, help="so many calls of a kind fail, one in each run")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if shutil.which("strace") is None:
        sys.exit("strace is not installed")
    wrong = 0
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "tree"
        make_tree(root)
        digest = run(root, options.threads, None)
        for call, errors in FAULTS.items():
            for error in errors:
                ends: collections.Counter[str] = collections.Counter()
                for n in range(1, options.calls + 1):
                    ends[classify(run(root, options.threads, f"{call}:error={error}:when={n}"), digest)] += 1
                wrong += sum(count for end, count in ends.items() if end.startswith("WRONG"))
                print(f"{call:15}{error:8}" + ", ".join(f"{count} {end}" for end, count in ends.items()), flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
