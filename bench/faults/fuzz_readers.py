"""Do the readers of weights survive any bytes? Damages real files for as long as one likes.

    python bench/faults/fuzz_readers.py --seconds 600            # seeded mutations of the fixtures
    python bench/faults/fuzz_readers.py --atheris torch          # guided by coverage (pip install atheris)

Prints how many files were accepted and refused for each format. Anything but an InputError is a fault: its seed is
printed, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import traceback
from collections import Counter
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

if "--atheris" in sys.argv:  # what is fuzzed has to be instrumented as it is imported
    import atheris

    with atheris.instrument_imports(include=["reprofp.datasets.formats"]):
        import_module("reprofp.datasets.formats.detect")

from datasets.mutations import make_rng, mutate, mutate_member
from datasets.test_reader_mutations import SAMPLES
from reprofp.datasets import hash_weights
from reprofp.errors import InputError


def hash_bytes_as_file(path: Path, data: bytes) -> bool:
    """Hash data as a file of weights; return whether it was accepted."""
    path.write_bytes(data)
    try:
        hash_weights(path, threads=1)
    except InputError:
        return False
    return True


def run_seeds(samples: dict[str, bytes], seconds: float, first: int) -> int:
    counts, faults, seed = Counter(), 0, first
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="reprofp-fuzz-") as folder:
        while time.monotonic() < end:
            for name, sample in samples.items():
                rng = make_rng(name, seed)
                inside = name.startswith(("torch", "npz")) and rng.random() < 0.6
                data = (mutate_member if inside else mutate)(sample, rng)
                path = Path(folder) / ("a.safetensors" if name == "safetensors" else "a")
                begin = time.monotonic()
                try:
                    counts[name, hash_bytes_as_file(path, data)] += 1
                except Exception:  # noqa: BLE001  whatever escapes is what is looked for
                    faults += 1
                    print(f"{name} seed {seed}:\n{traceback.format_exc()}")
                if time.monotonic() - begin > 5:
                    print(f"{name} seed {seed}: took {time.monotonic() - begin:.1f} s")
            seed += 1
    for name in samples:
        print(f"{name:24} accepted {counts[name, True]:7}  refused {counts[name, False]:7}")
    print(f"seeds {first} to {seed - 1}, faults {faults}")
    return 1 if faults else 0


def run_atheris(name: str, sample: bytes, rest: list[str]) -> int:
    folder = Path(tempfile.mkdtemp(prefix="reprofp-fuzz-"))
    path = folder / ("a.safetensors" if name == "safetensors" else "a")
    corpus = folder / "corpus"
    corpus.mkdir()
    (corpus / name).write_bytes(sample)
    os.chdir(folder)
    atheris.Setup([sys.argv[0], str(corpus), *rest], lambda data: hash_bytes_as_file(path, data) and None)
    atheris.Fuzz()
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1_000_000, help="the first seed")
    parser.add_argument(
        "--atheris", metavar="SAMPLE", help="fuzz one sample, guided by coverage; more options go to it"
    )
    arguments, rest = parser.parse_known_args()
    if arguments.atheris:
        return run_atheris(arguments.atheris, SAMPLES[arguments.atheris], rest)
    return run_seeds(SAMPLES, arguments.seconds, arguments.seed)


if __name__ == "__main__":
    sys.exit(main())
