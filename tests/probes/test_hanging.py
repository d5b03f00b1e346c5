"""A snapshot answers though files that it reads never do, as on a file system whose server is gone."""

import json
import os
import subprocess
import sys

import pytest

HANGING = {
    "code": ".git/HEAD",
    "locks": "uv.lock",
    "distributed": "home/.nccl.conf",
    "packages": "site/site-packages/made_up-1.0.dist-info/RECORD",
    "python": "site/site-packages/spy.pth",
}
"""By facet: a file that is a pipe into which nobody writes; who opens it plainly waits for ever."""
SNAPSHOT = """
import json, reprofp
from reprofp.model.observations import Unknown

snapshot = reprofp.snapshot()
unknown = {name for name, facet in snapshot.facets.items() if any(isinstance(fact, Unknown) for _, fact in facet.walk())}
print(json.dumps([sorted(snapshot.facets), sorted(unknown)]))
"""


def make_pipes(folder, names):
    for name in names:
        path = folder / HANGING[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(path)
    (folder / "site/site-packages/made_up-1.0.dist-info").mkdir(parents=True, exist_ok=True)
    for place in ("objects", "refs"):
        (folder / ".git" / place).mkdir(parents=True, exist_ok=True)


def look(folder):
    environ = {
        **os.environ,
        "HOME": str(folder / "home"),
        "PYTHONPATH": str(folder / "site/site-packages"),
        "REPROFP_HOME": str(folder / "state"),
    }
    command = [sys.executable, "-S", "-c", f"import site; site.main()\n{SNAPSHOT}"]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return map(set, json.loads(done.stdout))


@pytest.mark.parametrize("name", HANGING)
def test_a_file_that_never_answers_costs_its_own_facts(name, tmp_path):
    make_pipes(tmp_path, [name])
    facets, unknown = look(tmp_path)
    assert {"os", "cpu", "env", "python", *HANGING} <= facets
    assert name in unknown


def test_when_all_of_them_hang_the_rest_is_told(tmp_path):
    make_pipes(tmp_path, HANGING)
    facets, _ = look(tmp_path)
    assert {"os", "cpu", "env", *HANGING} <= facets
