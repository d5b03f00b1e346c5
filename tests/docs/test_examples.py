"""Every example of the documentation is run, and its output compared.

In a ``console`` block, lines after ``$ `` are commands (``> `` goes on with one) and the rest is their output; ``...``
stands for anything, and ids and times for any others of their kind. An HTML comment before a block says more:
``<!-- exit: 1 -->`` names the exit code of its last command. ``python`` blocks are run too. The blocks of a page share
one folder, which holds the files of examples/ and what ``make_inputs.py`` makes.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(
    r"(?:<!-- exit: (?P<exit>\d+) -->\n)?^```(?P<kind>console|python)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)
VOLATILE = (
    (re.compile(r"\b[0-9a-f]{64}\b"), "<hash>"),
    (re.compile(r"\b(sn1|rn1|fp1|fc1|fe1):[0-9a-f]{6,63}"), r"\1:<id>"),
    (re.compile(r"\b[0-9a-f]{12,63}\b"), "<hex>"),
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b\d+(\.\d+)? (ms|s)\b"), "<duration>"),
)


@dataclass
class Step:
    command: str
    output: str
    exit_code: int = 0


def has_examples(page):
    return BLOCK.search(page.read_text()) is not None


def read_steps(body, exit_code):
    steps = []
    for line in body.splitlines():
        if line.startswith("$ "):
            steps.append(Step(line[2:], ""))
        elif line.startswith("> ") and not steps[-1].output:
            steps[-1].command += "\n" + line[2:]
        else:
            steps[-1].output += line + "\n"
    steps[-1].exit_code = exit_code
    return steps


def normalise(text):
    for pattern, name in VOLATILE:
        text = pattern.sub(name, text)
    return "\n".join(re.sub(r"\s+", " ", line).strip() for line in text.strip().splitlines())


def matches(expected, actual):
    pattern = re.escape(normalise(expected)).replace(r"\.\.\.", "[\\s\\S]*")
    return re.fullmatch(pattern, normalise(actual)) is not None


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    for path in (ROOT / "examples").glob("*.py"):
        shutil.copy(path, folder)
    subprocess.run([sys.executable, "make_inputs.py", "."], cwd=folder, check=True)
    return folder


@pytest.mark.parametrize(
    "page", [page for page in PAGES if has_examples(page)], ids=lambda page: str(page.relative_to(ROOT))
)
def test_examples_print_what_the_page_says(page, inputs, tmp_path, own_home):
    folder = tmp_path / "here"
    shutil.copytree(inputs, folder)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    kept = {name: value for name, value in os.environ.items() if name in {"LANG", "TMPDIR", "LD_LIBRARY_PATH"}}
    environ = {**kept, "PATH": path, "HOME": str(own_home), "REPROFP_HOME": str(own_home / "ledger"), "COLUMNS": "120"}
    for block in BLOCK.finditer(page.read_text()):
        if block["kind"] == "python":
            steps = [Step("python3 - <<'END_OF_EXAMPLE'\n" + block["body"] + "END_OF_EXAMPLE", "...")]
        else:
            steps = read_steps(block["body"], int(block["exit"] or 0))
        for step in steps:
            done = subprocess.run(
                step.command,
                shell=True,
                executable="/bin/bash",
                cwd=folder,
                env=environ,
                capture_output=True,
                text=True,
                check=False,
            )
            printed = done.stdout + done.stderr
            assert done.returncode == step.exit_code, f"$ {step.command}\n{printed}"
            assert matches(step.output, printed), f"$ {step.command}\nexpected:\n{step.output}\nprinted:\n{printed}"


def test_the_matcher_tells_outputs_apart():
    assert matches("a ... c\n", "a b c")
    assert matches("x\n...\ny\n", "x\n1\n2\ny\n")
    assert matches("sn1:0123456789ab saved", "sn1:ffffffffffff saved")
    assert not matches("a\n", "b\n")
    assert not matches("a\n", "a\nb\n")
