"""Draws of entropy, and of Python's global generator, while installed packages are imported."""

import sys
import textwrap

import pytest

PACKAGE = """
import os, random
EARLY = os.urandom(4)
KEPT = random.Random()
def draw():
    return os.urandom(4)
"""
MOVER = "import random\nFIRST = random.getrandbits(24)\ndef move(): return random.random()\n"


@pytest.fixture
def installed(tmp_path):
    """A way to write modules into a folder of installed packages; returns what leads Python there."""
    folder = tmp_path / "site-packages"
    folder.mkdir()

    def install(**modules):
        for name, text in modules.items():
            (folder / f"{name}.py").write_text(textwrap.dedent(text))
        return {"PYTHONPATH": str(folder)}

    return install


def counts(raw, kind):
    return {item["module"]: item["count"] for item in raw[kind]}


def test_draws_of_a_package_at_its_import_are_kept_apart(every_modern, installed, hooked):
    raw = hooked(every_modern, code="import package", env=installed(package=PACKAGE)).raw
    assert counts(raw, "entropy_at_import") == {"package": 2}
    assert counts(raw, "entropy") == {}


def test_what_a_package_draws_later_is_the_programs(modern, installed, hooked):
    raw = hooked(modern, code="import package; package.draw()", env=installed(package=PACKAGE)).raw
    assert counts(raw, "entropy") == {"package": 1}


def test_what_the_program_draws_while_a_package_imports_it_is_the_programs(modern, installed, hooked, tmp_path):
    (tmp_path / "mine.py").write_text("import os\nos.urandom(4)\n")
    env = installed(plugins="import mine\n")
    env["PYTHONPATH"] += f":{tmp_path}"
    raw = hooked(modern, code="import plugins", env=env).raw
    assert (counts(raw, "entropy"), counts(raw, "entropy_at_import")) == ({"mine": 1}, {})


def test_an_import_that_failed_and_is_remembered_ends_all_the_same(every_modern, installed, hooked):
    code = """
        import os, random
        try:
            import broken
        except ZeroDivisionError as error:
            kept = error
        os.urandom(4)
        random.random()
    """
    broken = "import os, random\nos.urandom(4)\nrandom.random()\n1 / 0\n"
    raw = hooked(every_modern, code=textwrap.dedent(code), env=installed(broken=broken)).raw
    assert counts(raw, "entropy") == {"__main__": 1}
    assert counts(raw, "entropy_at_import") == {"broken": 1}
    assert raw["rng"]["python"]["touched"] is True


@pytest.mark.parametrize(
    ("code", "touched", "movers"),
    [
        ("import mover", False, {"mover": 1}),
        ("import random, mover", False, {"mover": 1}),
        ("import outer", False, {"mover": 1, "outer": 2}),
        ("import mover; mover.move()", True, {"mover": 1}),
        ("import mover, random; random.random()", True, {"mover": 1}),
        ("import mover, random; random.random(); import other", True, {"mover": 1, "other": 1}),
        ("import random; random.random(); import mover", True, {"mover": 1}),
        ("import random; random.seed(1); import mover", False, {"mover": 1}),
        ("import mover, random; random.seed(1); random.random()", True, {"mover": 1}),
        ("import package", False, {}),
    ],
)
def test_who_moved_the_global_generator(code, touched, movers, every_modern, installed, hooked):
    outer = "import random\nrandom.random()\nimport mover\nrandom.random()\n"
    env = installed(package=PACKAGE, mover=MOVER, other=MOVER, outer=outer)
    raw = hooked(every_modern, code=code, env=env).raw
    assert (raw["rng"]["python"]["touched"], counts(raw, "moved_at_import")) == (touched, movers)


def test_what_another_thread_may_have_moved_is_the_programs(modern, installed, hooked):
    code = """
        import threading
        done = threading.Event()
        thread = threading.Thread(target=done.wait)
        thread.start()
        import mover
        done.set()
        thread.join()
    """
    raw = hooked(modern, code=textwrap.dedent(code), env=installed(mover=MOVER)).raw
    assert (raw["rng"]["python"]["touched"], counts(raw, "moved_at_import")) == (True, {})


KNOWN = "import jax._src.clusters.k8s_cluster as known, numpy"


@pytest.mark.parametrize(
    ("code", "touched"),
    [
        (KNOWN, False),
        (f"import numpy; {KNOWN}", False),
        (f"{KNOWN}; numpy.random.rand()", True),
        (f"import numpy; numpy.random.rand(); {KNOWN}", True),
        (f"import numpy; numpy.random.seed(0); {KNOWN}", True),
        (f"{KNOWN}; numpy.random.seed(0)", True),
        ("import numpy; import mover", True),
    ],
)
def test_a_module_known_to_draw_from_numpys_generator_for_no_result_leaves_it_unused(
    code, touched, installed, hooked, tmp_path
):
    mover = "import numpy\nWAIT = numpy.random.rand(5)\n"
    env, folder = installed(mover=mover), tmp_path / "site-packages" / "jax" / "_src" / "clusters"
    folder.mkdir(parents=True)
    (folder / "k8s_cluster.py").write_text(mover)
    assert hooked(sys.executable, code=code, env=env).raw["rng"]["numpy"]["legacy"]["touched"] is touched


def test_an_import_looks_as_it_does_without_the_hook(every_modern, installed, hooked):
    env = installed(
        broken="1 / 0\n", package="import sys\nprint(sorted(vars()))\nprint(sys._getframe(1).f_code.co_name)\n"
    )
    ended = hooked(every_modern, code="import package, broken", env=env)
    assert ended.code == 1
    assert b"hooks" not in ended.err
    assert b"reprofp" not in ended.out + ended.err
    assert ended.err.count(b"File ") == 2
