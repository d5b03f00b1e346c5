"""What does a whole snapshot cost, beside tools that record less? ``python bench/probe/snapshots.py [--times 5]``.

Each line is a program that is started anew, with 150 and with 400 installed distributions in sight (made up, in a folder on
PYTHONPATH). Shown are medians of processor time (its own and its children's) and of wall time, and the ratio to
``python -c pass`` in the same run, which is what to compare between machines; on a machine with other load, believe
processor time. ``--also PYTHON`` names another interpreter that has torch, watermark or mlenv-cli: what it lacks is left out.
"""

import argparse
import hashlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

IN_PROCESS = "import reprofp; reprofp.snapshot()"
OURS = {
    "python -c pass": ["-c", "pass"],
    "import reprofp": ["-c", "import reprofp"],
    "snapshot in process": ["-c", IN_PROCESS],
    "a second one in it": ["-c", f"{IN_PROCESS}; reprofp.snapshot()"],
    "reprofp snapshot": ["-m", "reprofp", "snapshot", "--no-record"],
    "pip freeze": ["-m", "pip", "freeze"],
    "importlib.metadata": [
        "-c",
        "import importlib.metadata as m; print([(d.metadata['Name'], d.version) for d in m.distributions()])",
    ],
    "py-cpuinfo": ["-c", "import cpuinfo; cpuinfo.get_cpu_info()"],
}
THEIRS = {
    "torch": ("torch.utils.collect_env", ["-m", "torch.utils.collect_env"]),
    "watermark": (
        "watermark",
        ["-c", "import watermark; print(watermark.watermark(python=True, machine=True))"],
    ),
    "mlenv": ("mlenv-cli", ["-c", "import sys; from mlenv.cli import app; sys.argv[1:] = ['show']; app()"]),
}


def make_packages(folder: Path, count: int) -> None:
    """Write ``count`` distributions as pip leaves them, each with 30 files in its RECORD."""
    for number in range(count):
        place = folder / f"made_up_{number:03}-1.{number}.dist-info"
        place.mkdir(parents=True)
        place.joinpath("METADATA").write_text(
            f"Metadata-Version: 2.1\nName: made-up-{number:03}\nVersion: 1.{number}\n"
        )
        digest = hashlib.sha256(place.name.encode()).hexdigest()
        place.joinpath("RECORD").write_text("".join(f"made_up/{index}.py,sha256={digest},9\n" for index in range(30)))
        place.joinpath("INSTALLER").write_text("pip\n")


def measure(command: list[str], environ: dict[str, str], cwd: str) -> tuple[float, float]:
    """Return milliseconds of processor time and of wall time."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, env=environ, cwd=cwd, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) * 1000, wall * 1000


def has(python: str, module: str) -> bool:
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    return subprocess.run([python, "-c", code], check=False).returncode == 0


def list_commands(others: list[str]) -> dict[str, list[str]]:
    commands = {name: [sys.executable, *words] for name, words in OURS.items()}
    for module, (name, words) in THEIRS.items():
        python = next((python for python in [sys.executable, *others] if has(python, module)), None)
        if python is None:
            print(f"left out: {name} (no interpreter that was named has {module})")
        else:
            commands[name] = [python, *words]
    return commands


def run(commands: dict[str, list[str]], count: int, times: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_packages(folder / "packages", count)
        environ = {**os.environ, "PYTHONPATH": str(folder / "packages"), "REPROFP_HOME": str(folder / "home")}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for turn in range(times + 1):
            for label, command in commands.items():
                sample = measure(command, environ, name)
                found[label] += [sample] if turn else []  # the first turn writes bytecode
    bare = statistics.median(cpu for cpu, _ in found["python -c pass"])
    print(f"\nwith {count} distributions      processor      wall   ratio")
    for label, samples in found.items():
        cpu, wall = (statistics.median(column) for column in zip(*samples, strict=True))
        print(f"{label:26} {cpu:9.0f} ms {wall:6.0f} ms {cpu / bare:7.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--also", action="append", default=[], metavar="PYTHON")
    parser.add_argument("--count", type=int, action="append", help="how many distributions (default 150 and 400)")
    options = parser.parse_args()
    commands = list_commands(options.also)
    for count in options.count or (150, 400):
        run(commands, count, options.times)


if __name__ == "__main__":
    main()
