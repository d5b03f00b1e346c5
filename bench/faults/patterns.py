"""Do selections answer as git does? Random sets of patterns over names with blanks, brackets and accents.

    python bench/faults/patterns.py [SEED] [SETS]

Asks git which files it would list, and holds against it what hash_tree selects, and (where it is installed) what the
pathspec package selects in its mode for git. Prints how often each was wrong, and the first few sets.
"""

import os
import random
import subprocess
import sys
import tempfile
import warnings

from reprofp.datasets import hash_tree

try:
    import pathspec
except ImportError:
    pathspec = None

NAMES = [
    "a",
    "b",
    "foo",
    "bar",
    "a.txt",
    "b.txt",
    "foo.py",
    "[x]",
    "a b",
    "ab",
    "x",
    "#h",
    "!n",
    "a\\",
    "-",
    "A",
    "é",
    "a-b",
]
PIECES = [
    *[
        "*",
        "**",
        "?",
        "/",
        "a",
        "b",
        "foo",
        "bar",
        ".txt",
        ".py",
        "x",
        "[ab]",
        "[!a]",
        "[a-f]",
        "[[:alpha:]]",
        "\\",
        "!",
    ],
    *[
        "[[:alnum:]_]",
        "#",
        " ",
        "\\ ",
        "/",
        "/",
        "**/",
        "/**",
        "*.txt",
        "[x]",
        "\\[x\\]",
        "[]x]",
        "[^a]",
        "a-b",
        "[a\\-c]",
    ],
    *["[", "é", "***", "[+--]", "[[:foo:]]", "[\\]]", "~"],
]


def make_files(numbers: random.Random, root: str) -> None:
    for _ in range(60):
        path = os.path.join(root, *(numbers.choice(NAMES) for _ in range(numbers.randint(1, 4))))
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            open(path, "ab").close()
        except OSError:
            continue  # a file where a folder should be, or the other way round


def make_pattern(numbers: random.Random) -> str:
    body = "".join(numbers.choice(PIECES) for _ in range(numbers.randint(1, 4)))
    lead = "!" * (numbers.random() < 0.25) + "/" * (numbers.random() < 0.1)
    return lead + body + "/" * (numbers.random() < 0.25) + "  " * (numbers.random() < 0.05)


def ask_git(root: str) -> set[bytes]:
    command = ["git", "-C", root, "ls-files", "-o", "--exclude-standard", "-z"]
    return set(subprocess.run(command, capture_output=True, check=True).stdout.split(b"\0")) - {b""}


def ask_reprofp(root: str) -> set[bytes]:
    return {entry.path for entry in hash_tree(root, ignore_files=[".gitignore"]).entries}


def ask_pathspec(root: str, lines: list[str]) -> set[bytes] | None:
    try:
        spec = pathspec.GitIgnoreSpec.from_lines(lines)
    except Exception:  # noqa: BLE001  whatever it raises, it gives no answer
        return None
    paths = [
        os.path.relpath(os.path.join(folder, name), root)
        for folder, _, names in os.walk(root)
        for name in names
        if ".git" not in folder.split("/")
    ]
    return {os.fsencode(path) for path in paths if not spec.match_file(path)}


def main() -> None:
    seed, sets = (int(sys.argv[i]) if len(sys.argv) > i else default for i, default in ((1, 1), (2, 300)))
    numbers = random.Random(seed)
    wrong = {"reprofp": 0, "pathspec": 0}
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as root:
        subprocess.run(["git", "init", "-q", root], check=True)
        make_files(numbers, root)
        for _ in range(sets):
            lines = [make_pattern(numbers) for _ in range(numbers.randint(1, 4))]
            with open(os.path.join(root, ".gitignore"), "w", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
            expected = ask_git(root)
            answers = {"reprofp": ask_reprofp(root)}
            if pathspec is not None:
                answers["pathspec"] = ask_pathspec(root, lines)
            for name, answer in answers.items():
                if answer != expected:
                    wrong[name] += 1
                    if wrong[name] <= 3:
                        print(f"{name} differs from git for {lines}")
    for name, count in wrong.items():
        if name != "pathspec" or pathspec is not None:
            print(f"{name}: wrong for {count} of {sets} sets of patterns")


if __name__ == "__main__":
    main()
