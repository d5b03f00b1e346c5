import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from reprofp.hooks.reports import CHILD_FOLDER, open_reports

LOOK = """
import os, sys
print(sorted(name for name in os.environ if "REPROFP" in name or name.startswith("PYTHON")))
print(os.environ.get("PYTHONPATH"))
print([path for path in sys.path])
print(sorted(name for name in sys.modules if "reprofp" in name or "sitecustom" in name))
print(sorted(path for path in sys.path_importer_cache if "hooks" in path))
print(type(os.urandom(4)).__name__, len(os.urandom(4)))
"""


def run_bare(python, code, env=None, cwd=None):
    environ = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **(env or {})}
    return subprocess.run([python, "-c", code], check=False, env=environ, capture_output=True, cwd=cwd)


@pytest.mark.parametrize("path", [None, "", "/nonesuch", "/nonesuch:/other"])
def test_a_program_sees_the_world_that_it_would_see_without(any_python, path, hooked, tmp_path):
    env = {} if path is None else {"PYTHONPATH": path}
    ended = hooked(any_python, code=LOOK, env=env)
    bare = run_bare(any_python, LOOK, env, tmp_path)
    assert (ended.code, ended.out, ended.err) == (bare.returncode, bare.stdout, bare.stderr)


def test_a_pythonpath_that_a_script_adds_to_means_the_same(modern, tmp_path):
    script = tmp_path / "run.sh"
    script.write_text(f"export PYTHONPATH=/first:$PYTHONPATH\nexec {modern} -c '{LOOK}'\n")
    for env in ({}, {"PYTHONPATH": "/given"}):
        environ = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **env}
        bare = subprocess.run(["sh", script], check=False, env=environ, capture_output=True, cwd=tmp_path)
        with open_reports() as folder:
            hooked = subprocess.run(
                ["sh", script], check=False, env=folder.add_to(environ), capture_output=True, cwd=tmp_path
            )
            assert folder.read()[0].raw is not None
        assert hooked.stdout == bare.stdout


def test_the_report_shows_the_world_without_the_hook(modern, hooked):
    env = {"PYTHONPATH": "/given", "MINE": "1"}
    raw = hooked(modern, code="pass", env=env).raw
    assert raw["environ"]["PYTHONPATH"] == raw["environ_start"]["PYTHONPATH"] == "/given"
    assert raw["environ_start"].keys() >= {"MINE", "PATH"}
    assert not [name for name in {**raw["environ"], **raw["environ_start"]} if "REPROFP" in name]
    assert not [path for path in raw["path"] if "hooks" in path]
    assert not [name for name in raw["modules"] if "reprofp_" in name]
    assert raw["python"]["sitecustomize"] is None


def test_every_part_is_told(every_modern, hooked):
    raw = hooked(every_modern, code="pass").raw
    failed = [name for name, part in raw.items() if isinstance(part, dict) and "error" in part]
    assert failed == []
    assert (
        raw["python"]["version"].startswith(every_modern.parent.parent.name.rpartition("/")[2][:4])
        or every_modern.name == "python3"
    )
    assert raw["floating_point"]["rounding"] == "nearest"
    assert raw["exit"] == "normal"
    assert raw["audit"]["truncated"] is False


def test_the_sitecustomize_that_is_shadowed_runs_and_is_the_module(every_python, hooked, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import os\nos.environ['SHADOWED'] = __name__\nMARK = 1\n")
    code = "import os, sys; print(os.environ['SHADOWED'], sys.modules['sitecustomize'].MARK)"
    ended = hooked(every_python, code=code, env={"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"})
    assert ended.out.split() in ([b"sitecustomize", b"1"], [b"('sitecustomize',", b"1)"])


def test_the_digest_of_the_shadowed_sitecustomize_is_told(modern, hooked, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("MARK = 1\n")
    told = hooked(modern, code="pass", env={"PYTHONPATH": str(tmp_path)}).raw["python"]["sitecustomize"]
    assert told["digest"].startswith("sha256:")


@pytest.mark.parametrize("text", ["raise RuntimeError('mine')", "import nonesuch_module", "def ("])
def test_a_broken_sitecustomize_fails_as_it_would(any_python, text, hooked, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(text)
    env = {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    bare = run_bare(any_python, "print(1)", env, tmp_path)
    ended = hooked(any_python, code="print(1)", env=env)
    assert (ended.code, ended.out) == (bare.returncode, bare.stdout)
    assert ended.err.splitlines()[-1:] == bare.stderr.splitlines()[-1:]


def test_an_old_python_runs_and_says_nothing(old, hooked):
    ended = hooked(old, code="print(1)")
    assert (ended.code, ended.out, ended.err, ended.reports) == (0, b"1\n", b"", [])


@pytest.mark.parametrize("option", ["-I", "-E", "-S"])
def test_an_isolated_python_runs_and_says_nothing(modern, option, hooked):
    ended = hooked(modern, option, "-c", "print(1)")
    assert (ended.code, ended.out, ended.reports) == (0, b"1\n", [])


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("import posix; posix._exit(3)", 3),
        ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL),
        ("import os; os.kill(os.getpid(), 15)", -signal.SIGTERM),
        ("import ctypes; ctypes.string_at(0)", -signal.SIGSEGV),
        ("import posix; posix.execv('/bin/true', ['true'])", 0),
    ],
)
def test_a_process_that_never_comes_to_its_end_leaves_only_its_mark(code, status, hooked):
    ended = hooked(sys.executable, code=code)
    assert ended.code == status
    assert [report.raw for report in ended.reports] == [None]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("raise SystemExit(7)", 7),
        ("1 / 0", 1),
        ("raise KeyboardInterrupt", -signal.SIGINT),
        ("import threading, time; threading.Thread(target=lambda: time.sleep(0.05)).start()", 0),
        ("import atexit; atexit.register(lambda: print('mine'))", 0),
        ("import sys; sys.stdout = sys.stderr = None", 0),
        ("import os\nfor fd in range(3, 99):\n try: os.close(fd)\n except OSError: pass", 0),
        ("import builtins; builtins.open = builtins.print = None", 0),
    ],
)
def test_a_process_that_ends_by_itself_reports(code, status, hooked):
    ended = hooked(sys.executable, code=code)
    assert ended.code == status
    assert ended.raw["exit"] == "normal"


DRAWS = {
    "import random; random.Random()": {"__main__": 1},
    "import random; random.Random(3)": {},
    "import random; r = random.Random(3); r.seed()": {"__main__": 1},
    "import random; random.random()": {},
    "import random; random.SystemRandom().random()": {"__main__": 1},
    "import secrets; secrets.token_bytes(4)": {"__main__": 1},
    "import os; os.urandom(4)": {"__main__": 1},
    "open('/dev/urandom', 'rb').read(4)": {"__main__": 1},
    "import uuid; uuid.uuid4()": {"uuid.__main__": 1},
    "import tempfile; tempfile.TemporaryFile()": {"tempfile": 1},
    "class A:\n draw = __import__('os').urandom\nA().draw(4)": {"__main__": 1},
}


@pytest.mark.parametrize("code", DRAWS)
def test_draws_of_entropy_are_counted_with_the_module_that_drew(every_modern, code, hooked):
    ended = hooked(every_modern, code=code)
    assert ended.code == 0, ended.err
    drawn = {draw["module"]: draw["count"] for draw in ended.raw["entropy"]}
    assert drawn.keys() == DRAWS[code].keys()


NUMPY_DRAWS = {
    "import numpy.random": [],
    "import numpy; numpy.random.default_rng(5).random()": [],
    "import numpy; numpy.random.RandomState(5).rand()": [],
    "import numpy; numpy.random.default_rng().random()": ["__main__"],
    "import numpy; numpy.random.RandomState([5, 6]).rand()": [],
    "import numpy; r = numpy.random.RandomState(5); s = numpy.random.RandomState(6)": [],
    "import numpy; r = numpy.random.RandomState(5); s = numpy.random.RandomState()": ["__main__"],
    "import numpy; numpy.random.seed(3); numpy.random.rand()": [],
    "import copy, numpy; copy.deepcopy(numpy.random.default_rng(5)); copy.copy(numpy.random.RandomState(5))": [],
    "import numpy; numpy.random.RandomState().rand()": ["__main__"],
    "import numpy; numpy.random.SeedSequence()": ["__main__"],
    "from numpy.random import default_rng\ndef f(): return default_rng()\nf()": ["__main__"],
}


@pytest.mark.parametrize("code", NUMPY_DRAWS)
def test_unseeded_generators_of_numpy_are_noticed(code, hooked):
    assert [draw["module"] for draw in hooked(sys.executable, code=code).raw["entropy"]] == NUMPY_DRAWS[code]


def test_a_draw_in_a_library_is_named_after_it(hooked, tmp_path):
    (tmp_path / "library.py").write_text("import random\ndef draw(): return random.Random().random()\n")
    entropy = hooked(sys.executable, code="import library; library.draw()", cwd=tmp_path).raw["entropy"]
    assert entropy == [{"module": "library", "count": 1}]


STATES = {
    "": ("untouched", "untouched"),
    "import random": ("untouched", "untouched"),
    "import random; random.Random(1).random()": ("untouched", "untouched"),
    "import random; random.seed(1); random.random()": ("same", "untouched"),
    "import random; random.random()": ("differs", "untouched"),
    "import numpy.random": ("untouched", "untouched"),
    "import numpy; numpy.random.seed(1); numpy.random.rand()": ("untouched", "same"),
    "import numpy; numpy.random.rand()": ("untouched", "differs"),
    "import numpy; numpy.random.default_rng(1).random()": ("untouched", "untouched"),
    "import numpy; numpy.random.mtrand._rand._bit_generator.random_raw()": ("untouched", "differs"),
}


@pytest.mark.parametrize("code", STATES)
def test_a_state_shows_only_what_was_drawn(code, hooked):
    runs = [hooked(sys.executable, code=code).raw["rng"] for _ in range(2)]
    seen = []
    for read in (lambda rng: rng["python"], lambda rng: rng["numpy"]["legacy"]):
        first, second = map(read, runs)
        seen.append("untouched" if not first["touched"] else "same" if first["state"] == second["state"] else "differs")
    assert tuple(seen) == STATES[code]


def test_opened_files_are_told_as_they_were_when_opened(modern, hooked, tmp_path):
    (tmp_path / "read.txt").write_text("data")
    (tmp_path / "both.txt").write_text("data")
    (tmp_path / "data.sqlite").write_bytes(b"")
    code = """
        import os
        for _ in range(3): open("read.txt").close()
        open("made.txt", "w").close(); open("made.txt").close()
        open("both.txt").close(); open("both.txt", "a").close()
        open("part", "w").close(); os.replace("part", "moved.txt"); open("moved.txt").close()
        os.close(os.open("read.txt", os.O_RDONLY))
        import sqlite3
        sqlite3.connect("data.sqlite").execute("pragma user_version").fetchall()
    """
    raw = hooked(modern, code=textwrap.dedent(code)).raw
    opens = {os.path.basename(entry[0]): entry[1:] for entry in raw["audit"]["opens"]}
    reads, writes, count, _, identity = opens["read.txt"]
    assert (reads, writes, count) == (True, False, 4)
    assert identity[:3] == [os.stat(tmp_path / "read.txt").st_dev, os.stat(tmp_path / "read.txt").st_ino, 4]
    assert opens["data.sqlite"][:2] == [True, False]
    assert opens["made.txt"][1] is True
    assert opens["made.txt"][4] is opens["moved.txt"][4] is None
    assert opens["both.txt"][:2] == [True, True]
    assert opens["both.txt"][4] is not None


def test_listings_are_told_but_not_those_of_the_import_system(modern, hooked, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "module.py").write_text("")
    code = "import os, module; os.listdir('data'); list(os.scandir('data')); os.listdir()"
    raw = hooked(modern, code=code, cwd=tmp_path).raw
    assert {entry[0]: entry[1] for entry in raw["audit"]["listings"]} == {
        str(tmp_path / "data"): 2,
        str(tmp_path) + "/.": 1,
    }


def test_looking_for_distributions_is_no_listing(modern, hooked, tmp_path):
    code = "import importlib.metadata, pkgutil; list(importlib.metadata.distributions()); list(pkgutil.iter_modules())"
    assert hooked(modern, code=code, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}).raw["audit"]["listings"] == []


def test_listings_tell_the_order_of_names(modern, hooked, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "a").touch()

    def order(code):
        listings = hooked(modern, code="import os, shutil, glob\n" + code, cwd=tmp_path).raw["audit"]["listings"]
        return {os.path.basename(entry[0]): entry[3] for entry in listings}

    first = order("os.listdir('data')")
    assert first["data"].startswith("sha256:")
    assert order("list(os.scandir('data')); os.listdir('data')") == first
    assert order("list(os.fwalk('data'))") == first
    assert order("os.mkdir('data/x'); os.listdir('data'); shutil.rmtree('data/x')").keys() == {"data"}
    (data / "b").touch()
    assert order("os.listdir('data')") != first
    changed = order("os.listdir('data'); open('data/c', 'w').close(); os.listdir('data'); os.remove('data/c')")
    assert changed not in (first, order("os.listdir('data')"))


def test_orders_are_kept_in_bounded_memory(hooked, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "more").mkdir()
    for number in range(2000):
        (tmp_path / "data" / f"{number:0250}").touch()
    # Each new name makes another order, of half a megabyte.
    code = "import os; os.listdir('more')\nfor n in range(20): open(f'data/{n}', 'w').close(); os.listdir('data')"
    raw = hooked(sys.executable, code=code, cwd=tmp_path).raw
    orders = {os.path.basename(entry[0]): entry[3] for entry in raw["audit"]["listings"]}
    assert orders["data"] is None
    assert orders["more"].startswith("sha256:")


def test_connections_are_told_by_kind_only(modern, hooked):
    code = """
        import socket
        for family, address in ((2, ("127.0.0.1", 9)), (2, ("192.0.2.1", 9)), (1, "/nonesuch/secret")):
            s = socket.socket(family); s.setblocking(False)
            try: s.connect(address)
            except OSError: pass
    """
    assert hooked(modern, code=textwrap.dedent(code)).raw["audit"]["connects"] == {"loopback": 1, "inet": 1, "unix": 1}


def test_other_programs_are_told_by_base_name(modern, hooked):
    code = "import os, subprocess; subprocess.run(['/bin/true', 'secret']); os.system('true secret')"
    audit = hooked(modern, code=code).raw["audit"]
    assert audit["subprocesses"] == {"true": 2}
    assert "secret" not in json.dumps(audit)


PROGRAMS = {
    "['git', '-C', '.', '-c', 'a=b', '--no-pager', 'rev-parse', 'HEAD']": "git-rev-parse",
    "['git', '--version']": "git-version",
    "['git', 'show', 'status']": "git",
    "['/bin/sh', '-c', 'true secret']": "true",
    "['/bin/sh', '-c', 'true; cat secret']": "sh",
    "['/bin/sh', '-c', 'A=1 true']": "sh",
    "['/bin/sh', '-c', '']": "sh",
    "['/bin/sh', '-c', '. ./secret']": ".",
    "['/bin/sh', '-c', 'git status']": "git-status",
    "['/bin/sh', 'secret']": "sh",
}


@pytest.mark.parametrize("words", PROGRAMS)
def test_questions_to_git_and_a_shells_only_program_are_named(words, hooked):
    code = f"import subprocess; subprocess.run({words}, stdout=-3, stderr=-3)"
    audit = hooked(sys.executable, code=code).raw["audit"]
    assert audit["subprocesses"] == {PROGRAMS[words]: 1}
    assert "secret" not in json.dumps(audit["subprocesses"])


def test_what_the_standard_library_asks_is_named_after_it(hooked):
    audit = hooked(sys.executable, code="import ctypes.util; ctypes.util.find_library('nonesuch')").raw["audit"]
    assert audit["subprocesses"].keys() == {"ctypes-util"}


def test_memory_is_bounded(hooked):
    code = "import os\nfor n in range(50_005):\n try: open(f'/tmp/nonesuch-{n}')\n except OSError: pass"
    audit = hooked(sys.executable, code=code).raw["audit"]
    assert audit["truncated"] is True
    assert len(audit["opens"]) == 50_000


def test_names_that_are_not_utf8_survive(hooked, tmp_path):
    name = b"bad\xff.txt"
    (tmp_path / os.fsdecode(name)).write_text("x")
    raw = hooked(sys.executable, code=f"open({name!r}).close()", env={"WEIRD": os.fsdecode(b"\xfe")}).raw
    assert os.fsencode(raw["audit"]["opens"][0][0]) == os.fsencode(tmp_path) + b"/" + name
    assert os.fsencode(raw["environ"]["WEIRD"]) == b"\xfe"


def test_a_virtual_environment_without_reprofp_reports(hooked, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    raw = hooked(tmp_path / "venv" / "bin" / "python", code="pass").raw
    assert raw["prefix"] == str(tmp_path / "venv")


def test_each_python_of_a_shell_script_reports(hooked, tmp_path):
    (tmp_path / "a.py").write_text("")
    ended = hooked("/bin/sh", "-c", f"{sys.executable} a.py; {sys.executable} -c pass")
    assert [report.raw["argv"] for report in ended.reports] == [["a.py"], ["-c"]]


def test_an_interpreter_that_cannot_write_its_report_is_not_disturbed(hooked):
    code = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); print(1, flush=True)"
    ended = hooked(sys.executable, code=code)
    assert (ended.code, ended.out, ended.err) == (0, b"1\n", b"")


def test_the_hook_folder_that_is_gone_is_not_noticed(tmp_path):
    environ = {"PATH": os.environ["PATH"], "REPROFP_HOOK": str(tmp_path / "gone"), "PYTHONPATH": str(CHILD_FOLDER)}
    done = subprocess.run([sys.executable, "-c", "print(1)"], check=False, env=environ, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"1\n", b"")
