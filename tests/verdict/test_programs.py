"""Programs that were run, and what two such runs are promised: those whose bits may differ beside equal facts, and their like."""

import os
import sys

import pytest

from reprofp.hooks.run import RunOptions, run_command
from reprofp.verdict import compare
from reprofp.verdict.levels import Level

POOL = "from concurrent.futures import ThreadPoolExecutor\nimport random\n"
RESTLESS = {
    "existence": ("import os\nresult = 0.1 if os.path.exists('warm') else 0.2", "usage.calls.files"),
    "size": ("import os\nresult = os.stat('data').st_size", "usage.calls.files"),
    "shared generator": (
        POOL + "r = random.Random(0)\ndef draw(i): return r.random()\n"
        "with ThreadPoolExecutor(4) as pool: result = list(pool.map(draw, range(9)))",
        "usage.calls.racing",
    ),
    "duration": (
        "import json, time\nt = time.perf_counter()\nresult = json.dumps({'s': time.perf_counter() - t})",
        "usage.calls.clock",
    ),
    "free memory": ("result = open('/proc/meminfo', 'rb').read()", "usage.calls.states"),
}
STEADY = {
    "existence": "import os\nif not os.path.isdir('made'): os.makedirs('made')\nresult = 1\n"
    "if os.path.exists('data'): result = open('data', 'rb').read()",
    "types": "import os\nresult = sorted(f for f in os.listdir('folder') if os.path.isfile(os.path.join('folder', f)))",
    "generators": POOL + "def draw(i): return random.Random(i).random()\n"
    "with ThreadPoolExecutor(4) as pool: result = list(pool.map(draw, range(9)))",
    "duration": "import time\nt = time.perf_counter()\nresult = 1\nprint(f'{time.perf_counter() - t:.1f} s')",
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    (folder / "folder" / "inner").mkdir(parents=True)
    (folder / "folder" / "file").write_text("x")
    (folder / "data").write_text("rows")
    os.utime(folder / "data", (1e9, 1e9))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)
    return folder


def run(folder, program):
    (folder / "train.py").write_text(program + "\nopen('out', 'w', encoding='utf-8').write(repr(result))\n")
    record, code = run_command([sys.executable, "train.py"], RunOptions())
    assert code == 0
    return record


@pytest.mark.parametrize("name", RESTLESS)
def test_a_program_whose_bits_may_differ_is_not_promised_them(project, name):
    program, fact = RESTLESS[name]
    verdict = compare(run(project, program), run(project, program))
    assert verdict.conditions.promised < Level.BITWISE
    assert fact in [
        reason.path if isinstance(reason.path, str) else ".".join(reason.path) for reason in verdict.reasons
    ]


@pytest.mark.parametrize("name", STEADY)
def test_a_program_like_it_whose_bits_follow_from_facts_is(project, name):
    verdict = compare(run(project, STEADY[name]), run(project, STEADY[name]))
    assert [reason for reason in verdict.reasons if reason.cap < Level.BITWISE] == []
    assert verdict.conditions.promised is Level.BITWISE


def test_a_file_in_the_place_of_a_folder_is_another_listing(project):
    before = run(project, STEADY["types"])
    (project / "folder" / "inner").rmdir()
    (project / "folder" / "inner").write_text("x")
    after = run(project, STEADY["types"])
    assert compare(before, after).conditions.promised is Level.FUNCTIONAL
    assert before.look_up(("usage", "listing", "folder")) != after.look_up(("usage", "listing", "folder"))
