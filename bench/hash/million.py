"""How much memory and processor time does a tree of a million files take, as hash_tree and all folders' digests?

    python bench/hash/million.py [FILES] [FOLDER]

Makes FILES (1,000,000) files of 16 bytes in folders of 1,000, once, and prints for each question a line: what was
asked, processor seconds, and the peak of resident memory of a process that does only that. The least possible is the
names and digests themselves, which the last column gives per file.
"""

import resource
import subprocess
import sys
import time
from pathlib import Path

QUESTIONS = {
    "import only": "pass",
    "digest": "hash_tree(root, cache=False).digest",
    "digest, exclude": "hash_tree(root, cache=False, exclude=['*.tmp']).digest",
    "digest and folders": "sum(1 for _ in hash_tree(root, cache=False).walk_folders())",
    "digest and manifest": "len(hash_tree(root, cache=False).manifest)",
}


def make(root: Path, files: int) -> None:
    for i in range(0, files, 1000):
        folder = root / f"{i // 100_000:03}" / f"folder {i // 1000:06}"
        if folder.is_dir():
            continue
        folder.mkdir(parents=True)
        for j in range(i, min(i + 1000, files)):
            (folder / f"file {j:09}").write_bytes(b"%016d" % j)


def ask(question: str) -> None:
    root = sys.argv[3]  # noqa: F841  used by the question
    from reprofp.datasets import hash_tree  # noqa: F401, PLC0415  used by the question

    begin = time.process_time()
    exec(QUESTIONS[question])
    print(time.process_time() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def main() -> None:
    if sys.argv[1:2] == ["--ask"]:
        ask(sys.argv[2])
        return
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    root = Path(sys.argv[2] if len(sys.argv) > 2 else "build/million")
    make(root, files)
    print(f"{'':24} {'CPU s':>8} {'MiB':>8} {'bytes/file':>11}")
    base = None
    for question in QUESTIONS:
        command = [sys.executable, __file__, "--ask", question, str(root)]
        seconds, kib = map(float, subprocess.run(command, capture_output=True, check=True).stdout.split())
        base = base or kib
        print(f"{question:24} {seconds:8.2f} {kib / 1024:8.1f} {(kib - base) * 1024 / files:11.0f}")


if __name__ == "__main__":
    main()
