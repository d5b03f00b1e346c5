"""Run the jobs under their variations, each through ``reprofp run``, and keep the records and the outputs' digests.

    python bench/truth/run.py --work FOLDER [--quick] [--only TEXT] [--fresh]

FOLDER holds virtual environments: ``tool`` with reprofp as an installed wheel, ``full`` with the packages that the jobs need,
``old`` with another numpy, ``extra`` as full with one more package; see docs/explanation/truth.md. What was run before is not
run again (``--fresh`` does), so scoring costs no run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import Any

from folders import make_folder
from plan import Case, list_cases

_LIMIT_S = 120


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--fresh", action="store_true", help="run again what was run before")
    parser.add_argument("--only", default="", help="only cases whose key holds this text")
    parser.add_argument("--lanes", type=int, default=2)
    args = parser.parse_args()
    cases = [case for case in list_cases(quick=args.quick) if args.only in case.key]
    lanes: Queue[Path] = Queue()
    for number in range(args.lanes):
        lanes.put(args.work.resolve() / "lanes" / str(number))

    def run(case: Case) -> None:
        path = args.work / "runs" / f"{case.key}.json"
        if path.exists() and not args.fresh:
            return
        lane = lanes.get()
        try:
            outcome = run_case(case, args.work.resolve(), lane)
        finally:
            lanes.put(lane)
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(outcome, indent=1))
        print(f"{outcome['seconds']:5.1f} s  exit {outcome['exit']}  {case.key}", flush=True)

    with ThreadPoolExecutor(args.lanes) as pool:
        list(pool.map(run, [case for case in cases if _has_needs(case, args.work)]))


def _has_needs(case: Case, work: Path) -> bool:
    return not case.job.needs or any((work / "full/lib").glob(f"python*/site-packages/{case.job.needs}"))


def run_case(case: Case, work: Path, lane: Path) -> dict[str, Any]:
    """Run one case in a folder of its own, and tell what came out of it."""
    folder = make_folder(lane, case)
    environ = make_environ(case, work)
    command = [word for item in case.variations for word in item.prefix]
    command += [
        str(work / "tool/bin/reprofp"),
        "run",
        "--ledger",
        str(work / "ledger"),
        "--tag",
        case.key,
        "--move-tag",
    ]
    command += ["--data", "data=data"] if case.job.declares else []
    command += ["--", "python", "job.py", *make_args(case)]
    began = time.monotonic()
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, timeout=_LIMIT_S, check=False)
    return {
        "key": case.key,
        "exit": done.returncode,
        "digest": digest_outputs(folder / "out", done.stdout),
        "seconds": time.monotonic() - began,
        "said": done.stderr.decode("utf-8", "replace")[-2000:],
        "environ": environ,
        "python": choose_python(case),
    }


def make_environ(case: Case, work: Path) -> dict[str, str]:
    """Return the environment of a run: few variables, a fixed hash seed, and what the variations set."""
    python = work / choose_python(case)
    environ = {
        "PATH": f"{python}/bin:/usr/local/bin:/usr/bin:/bin",
        "VIRTUAL_ENV": str(python),
        "HOME": os.environ["HOME"],
        "LANG": "C.UTF-8",
        "LOCPATH": str(work / "locales"),
        "PYTHONHASHSEED": "0",
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    for item in case.variations:
        environ.update(item.env)
        for name in item.unset:
            environ.pop(name, None)
    return environ


def choose_python(case: Case) -> str:
    """Return the name of the virtual environment that a case runs in."""
    return next((item.python for item in case.variations if item.python), "full")


def make_args(case: Case) -> list[str]:
    """Return the arguments of the job."""
    name, usual, other = case.job.set
    args: list[str] = []
    for item in case.variations:
        args += {"set": [name, other], "same": [name, usual]}[item.args] if isinstance(item.args, str) else item.args
    return args


def digest_outputs(folder: Path, printed: bytes) -> str:
    """Return one digest over all files that a run made, and what it printed."""
    state = hashlib.sha256(printed)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        state.update(b"\0%s\0" % os.fsencode(path.relative_to(folder)) + hashlib.sha256(path.read_bytes()).digest())
    return state.hexdigest()


if __name__ == "__main__":
    assert shutil.which("taskset")
    main()
