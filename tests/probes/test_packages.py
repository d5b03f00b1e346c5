from __future__ import annotations

import json
import os
import random
import shutil
import stat
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privileges import permissions_count
from reprofp.model.facets import Facet
from reprofp.model.observations import ABSENT, Observed, Unknown, UnknownCode
from reprofp.probes import install_records
from reprofp.probes.distributions import list_distributions, normalise_name
from reprofp.probes.environments import find_environment
from reprofp.probes.packages import PackagesProbe

RECORD = """\
demo/__init__.py,sha256=aaaa,10
demo/__pycache__/__init__.cpython-311.pyc,,
demo-1.0.dist-info/METADATA,sha256=bbbb,20
demo-1.0.dist-info/RECORD,,
demo-1.0.dist-info/INSTALLER,sha256=cccc,4
demo-1.0.dist-info/REQUESTED,sha256=dddd,0
demo-1.0.dist-info/direct_url.json,sha256=eeee,99
../../../bin/demo,sha256=ffff,200
../../../share/man/demo.1,sha256=gggg,300
"""


def make_dist(site, name="demo", version="1.0", record=RECORD, **files):
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir(parents=True, exist_ok=True)
    if record is not None:
        (folder / "RECORD").write_text(record)
    for file, content in files.items():
        (folder / file.replace("__", ".")).write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site"
    folder.mkdir()
    return folder


@pytest.fixture
def observe(make_context, site):
    """Observe a process whose path is ``site`` (and what is given)."""

    def run(*more, modules=None, versions=None):
        process = {"path": ["", str(site), *map(str, more)], "prefix": str(site.parent)}
        process |= {"modules": modules or {}, "versions": versions or {}}
        return PackagesProbe().observe(make_context(process=process))

    return run


def look(report, *path):
    return Facet("packages", 1, report.facts).look_up(path)


def test_a_wheel(observe, site):
    make_dist(site, "Py_YAML.ext", "6.0.1+cpu")
    report = observe()
    assert look(report, "installed", "py-yaml-ext", "version") == Observed("6.0.1+cpu")
    assert look(report, "installed", "py-yaml-ext", "editable") == ABSENT
    assert look(report, "installed", "other", "version") == ABSENT


def digest_of(observe, site, record):
    shutil.rmtree(site / "demo-1.0.dist-info", ignore_errors=True)
    make_dist(site, record=record)
    return look(observe(), "installed", "demo", "record")


def test_the_record_does_not_depend_on_who_installed_it_and_where(observe, site):
    plain = digest_of(observe, site, RECORD)
    assert plain.value.startswith("sha256:")
    lines = RECORD.splitlines(keepends=True)
    for other in (
        "".join(reversed(lines)),
        "".join(line for line in lines if not line.startswith("demo-1.0.dist-info/INST")),
        "".join(line for line in lines if "__pycache__" not in line),
        RECORD.replace("ffff,200", "9999,222"),
        RECORD.replace("../../../", "../../../../"),
        RECORD.replace("cccc", "0000") + "demo-1.0.dist-info/uv_cache.json,sha256=x,1\n",
        RECORD.replace("\n", "\r\n"),
    ):
        assert digest_of(observe, site, other) == plain


@pytest.mark.parametrize(
    "change", [("aaaa", "aaab"), ("bbbb", "bbbc"), ("gggg", "gggh"), ("bin/demo", "bin/other"), ("demo/__i", "demo/i")]
)
def test_another_content_is_another_record(observe, site, change):
    assert digest_of(observe, site, RECORD) != digest_of(observe, site, RECORD.replace(*change))


def test_a_wheel_without_record_says_so(observe, site):
    make_dist(site, record=None)
    assert look(observe(), "installed", "demo", "record") == ABSENT


def test_an_editable_install(observe, site):
    url = {"url": "file:///home/ada/secret-project", "dir_info": {"editable": True}}
    make_dist(site, direct_url__json=url)
    report = observe()
    assert look(report, "installed", "demo", "editable") == Observed(True)
    assert look(report, "installed", "demo", "origin") == Observed("file:secret-project")
    assert look(report, "installed", "demo", "record") == ABSENT


@pytest.mark.parametrize(
    ("direct_url", "origin"),
    [
        (
            {"url": "https://ada:canary@host/x.git?token=canary", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "git+https://host/x.git@abc",
        ),
        ({"url": "ssh://git@host/x", "vcs_info": {"vcs": "git", "commit_id": "abc"}}, "git+ssh://host/x@abc"),
        ({"url": "https://host/x-1.0.whl#sha256=1", "archive_info": {}}, "https://host/x-1.0.whl"),
        ({"url": "file:///home/ada/x-1.0.whl", "archive_info": {}}, "file:x-1.0.whl"),
        ({"url": 7, "vcs_info": [], "dir_info": "x"}, "file:7"),
    ],
)
def test_origins_hold_no_secrets_and_no_full_paths(observe, site, direct_url, origin):
    make_dist(site, direct_url__json=direct_url)
    report = observe()
    assert look(report, "installed", "demo", "origin") == Observed(origin)
    assert look(report, "installed", "demo", "editable") == ABSENT


def test_the_first_on_the_path_counts(observe, site, tmp_path):
    make_dist(site, version="2.0")
    make_dist(tmp_path / "later", version="1.0")
    report = observe(tmp_path / "later")
    assert look(report, "installed", "demo", "version") == Observed("2.0")
    assert report.circumstances == {"packages.hidden.demo": "1.0"}


def test_reprofp_itself_is_left_out(observe, site):
    make_dist(site, "reprofp", "0.1.0")
    assert observe().facts == {}


def test_eggs(observe, site):
    egg = site / "legacy_app-1.2-py3.11.egg-info"
    egg.mkdir()
    (site / "single.egg-info").write_text("Metadata-Version: 1.0\nName: Single.File\nVersion: 3.1\n\nName: body\n")
    report = observe()
    assert look(report, "installed", "legacy-app", "version") == Observed("1.2")
    assert look(report, "installed", "single-file", "version") == Observed("3.1")


def test_a_folder_whose_name_is_not_enough(observe, site):
    make_dist(site, "odd-name", "x", METADATA="Metadata-Version: 2.1\nname: odd-name\r\nVersion: 1!2.0\n")
    assert look(observe(), "installed", "odd-name", "version") == Observed("1!2.0")


def make_hostile(site):
    os.mkfifo(make_dist(site, "pipe", record=None) / "RECORD")
    os.mkfifo(make_dist(site, "pipe2", record=None) / "direct_url.json")
    (make_dist(site, "folder", record=None) / "RECORD").mkdir()
    (make_dist(site, "loop", record=None) / "RECORD").symlink_to("RECORD")
    make_dist(site, "binary", record=None).joinpath("RECORD").write_bytes(random.Random(1).randbytes(5000))
    make_dist(site, "nested", direct_url__json="[" * 50_000)
    make_dist(site, "list", direct_url__json=[1])
    (site / "~ip-1.0.dist-info").mkdir()
    (site / "-.dist-info").mkdir()
    (site / ".dist-info").mkdir()
    (site / "empty.dist-info").mkdir()
    (site / "file-1.0.dist-info").write_text("not a folder")
    (site / "gone-1.0.dist-info").symlink_to(site / "nowhere")
    os.mkdir(os.fsencode(site) + b"/x\xff-1.0.dist-info")
    bad = make_dist(site, "bad-meta", "x", record=None)
    (bad / "METADATA").write_bytes(b"Name: \xff\xfe ../../etc\n")
    make_dist(site, "badname", "x", METADATA="Name: ../../etc\nVersion: 1\n")


def test_hostile_folders_are_read_without_waiting_and_without_errors(observe, site):
    make_hostile(site)
    make_dist(site, "good")
    report = observe()
    facet = Facet("packages", 1, report.facts)
    assert Facet.from_canonical(facet.canonical) == facet
    assert look(report, "installed", "good", "version") == Observed("1.0")
    for name in ("pipe", "folder", "loop"):
        assert look(report, "installed", name, "record") == Unknown(UnknownCode.FAILED)
    assert look(report, "installed", "file", "record") == ABSENT
    assert look(report, "installed", "etc", "version") == ABSENT


def test_what_may_not_be_read_is_denied(observe, site):
    (make_dist(site) / "RECORD").chmod(0)
    with permissions_count():
        assert look(observe(), "installed", "demo", "record") == Unknown(UnknownCode.DENIED)


def test_folders_that_vanish_are_empty(observe, tmp_path):
    assert observe(tmp_path / "nowhere", "/dev/null", "/proc/self/mem").facts == {}


def test_conda_packages(observe, site, tmp_path):
    meta = tmp_path / "conda-meta"
    meta.mkdir()
    for name in ("numpy-1.26.4-py311h64a7726_0.json", "mkl-2024.0.0-intel_49656.json", "history"):
        (meta / name).write_text("{}")
    make_dist(site, "numpy", "1.26.4")
    report = observe()
    assert look(report, "installed", "numpy", "version") == Observed("1.26.4")
    assert look(report, "installed", "numpy", "conda_build") == Observed("py311h64a7726_0")
    assert look(report, "installed", "mkl", "version") == Observed("2024.0.0")


def test_imported_packages(observe, site):
    make_dist(site, "PyYAML", "6.0", record="yaml/__init__.py,sha256=a,1\n_yaml.abi3.so,,\n")
    make_dist(site, "google_a", "1.0", record="google/a/__init__.py,sha256=a,1\n")
    make_dist(site, "google_b", "2.0", record="google/b/__init__.py,sha256=a,1\n")
    make_dist(site, "unused", "1.0", record="unused.py,sha256=a,1\n")
    make_dist(site, "single", "1.0", record="single.py,sha256=a,1\n")
    modules = {
        "sys": None,
        "yaml": f"{site}/yaml/__init__.py",
        "google": None,
        "google.b": f"{site}/google/b/__init__.py",
        "single": f"{site}/single.py",
        "unused": "/home/ada/project/unused.py",
    }
    report = observe(modules=modules, versions={"yaml": "6.0.0", "google": "9"})
    imported = {path[1]: fact.value for path, fact in report.facts.items() if path[0] == "imported"}
    assert imported == {"pyyaml": "6.0.0", "google-b": "2.0", "single": "1.0"}


def test_imports_that_the_process_could_not_list_are_unknown(observe):
    assert look(observe(modules={"error": "failed"}), "imported", "numpy") == Unknown(UnknownCode.FAILED)


def test_nothing_is_said_about_imports_where_no_process_is_described(make_context, tmp_path):
    report = PackagesProbe().observe(make_context(python=None))
    assert not any(path[0] == "imported" for path in report.facts)


# Whose environment ------------------------------------------------------------------------------------------------


def make_venv(folder, *packages, shared=False):
    site = folder / "lib" / "python3.12" / "site-packages"
    site.mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text(
        f"home = /nowhere/bin\ninclude-system-site-packages = {str(shared).lower()}\nversion = 3.12.1\n"
    )
    for name in packages:
        make_dist(site, name)
    return site


def installed(context):
    report = PackagesProbe().observe(context)
    return sorted({path[1] for path in report.facts})


def test_an_active_virtual_environment_is_described(make_context, tmp_path):
    make_venv(tmp_path / "venv", "inside")
    assert installed(make_context(environ={"VIRTUAL_ENV": str(tmp_path / "venv")})) == ["inside"]
    assert installed(make_context(environ={"CONDA_PREFIX": str(tmp_path / "venv")})) == ["inside"]


def test_a_process_goes_before_the_active_environment(make_context, tmp_path):
    make_venv(tmp_path / "venv", "inside")
    context = make_context(environ={"VIRTUAL_ENV": str(tmp_path / "venv")}, process={"path": []})
    assert installed(context) == installed(make_context())


def test_without_an_environment_it_is_this_interpreter(make_context):
    assert "pytest" in installed(make_context())
    assert "pytest" in installed(make_context(environ={"VIRTUAL_ENV": "/nowhere"}))


def test_a_named_interpreter_of_a_virtual_environment(make_context, tmp_path):
    make_venv(tmp_path / "venv", "inside")
    assert installed(make_context(python=tmp_path / "venv" / "bin" / "python")) == ["inside"]


def test_a_named_interpreter_is_asked(make_context, tmp_path):
    python = tmp_path / "python"
    site = tmp_path / "site"
    make_dist(site, "inside")
    python.write_text(f'#!/bin/sh\necho \'["/p", ["{site}"]]\'\n')
    python.chmod(0o755)
    assert installed(make_context(python=python)) == ["inside"]


@pytest.mark.parametrize(
    ("script", "error"), [("exit 3", ValueError), ("echo hello", ValueError), ("exec sleep 30", TimeoutError)]
)
def test_an_interpreter_that_does_not_answer_is_an_error(make_context, tmp_path, script, error):
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    with pytest.raises(error):
        find_environment(make_context(python=python))


def test_an_interpreter_that_is_not_there_is_an_error(make_context, tmp_path):
    with pytest.raises(OSError, match="No such file"):
        find_environment(make_context(python=tmp_path / "nowhere" / "python"))


def test_pth_files_add_folders_and_run_nothing(make_context, tmp_path):
    site = make_venv(tmp_path / "venv")
    make_dist(tmp_path / "beside", "linked")
    canary = tmp_path / "ran"
    (site / "a.pth").write_text(
        f"# comment\nimport os; open({str(canary)!r}, 'w')\n{tmp_path / 'beside'}\n../nowhere\n"
    )
    assert installed(make_context(environ={"VIRTUAL_ENV": str(tmp_path / "venv")})) == ["linked"]
    assert not canary.exists()


def test_what_is_found_is_what_importlib_finds(make_context):
    code = (
        "import importlib.metadata as m, json, sys; "
        "print(json.dumps({d.metadata['Name']: d.version for d in reversed(list(m.distributions()))}))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd="/")
    expected = {normalise_name(name): version for name, version in json.loads(answer.stdout).items()}
    expected.pop("reprofp", None)
    report = PackagesProbe().observe(make_context())
    found = {p[1]: fact.value for p, fact in report.facts.items() if p[0] == "installed" and p[2] == "version"}
    assert found == expected


def test_a_listing_is_sorted_and_survives_anything(tmp_path):
    make_hostile(tmp_path)
    names = [found.folder for found in list_distributions(str(tmp_path))]
    assert names == sorted(names)
    assert list(list_distributions(str(tmp_path / "nowhere"))) == []
    assert stat.S_ISFIFO(os.stat(tmp_path / "pipe-1.0.dist-info" / "RECORD").st_mode)


@given(st.lists(st.text("ab/,.-0", min_size=1, max_size=6).map(str.encode)).map(sorted))
def test_the_modules_of_a_record_are_those_of_each_of_its_lines(lines):
    firsts = {line.partition(b"/")[0].partition(b",")[0] for line in lines}
    kept = {first for first in firsts if not first.endswith((b".pth", b".dist-info", b".data"))}
    expected = {first.decode().partition(".")[0] for first in kept if not first.startswith(b".")}
    assert set(install_records._find_modules(lines)) == expected
