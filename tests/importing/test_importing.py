"""What other tools recorded becomes facts in the form of our own; all else stays Unknown."""

import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reprofp.cli.names import take_now
from reprofp.errors import InputError, ReprofpError, UsageError
from reprofp.importing import KINDS, import_sources
from reprofp.importing.found import Found
from reprofp.importing.platforms import add_platform
from reprofp.importing.sources import Source
from reprofp.model.observations import ABSENT, Absent, Observed, Unknown, UnknownCode
from reprofp.model.paths import parse_path
from reprofp.model.records import Run, Snapshot
from reprofp.model.schema import find_spec
from reprofp.verdict import Level, compare

FIXTURES = Path(__file__).parent / "fixtures"
NOT_ASKED = Unknown(UnknownCode.NOT_ASKED)
CASES = {
    "freeze.txt": (
        "pip-freeze",
        {"packages.installed.anyio.version": "4.16.0", "packages.installed.cachecontrol.version": "0.14.4"},
    ),
    "collect_env.txt": (
        "collect-env",
        {
            "os.distribution.id": "debian",
            "os.distribution.version": "12",
            "os.libc.version": "2.36",
            "os.kernel.release": "6.8.0-45-generic",
            "os.hypervisor": "kvm",
            "python.version": "3.11.7",
            "python.build": "main, May  9 2026, 07:35:25",
            "python.compiler": "GCC 12.2.0",
            "cpu.vendor": "AuthenticAMD",
            "cpu.family": 25,
            "cpu.isa.avx2": True,
            "cpu.cache.l1d": 32768,
            "cpu.cache.l3": 33554432,
            "cpu.cores.physical": 2,
            "cpu.smt": False,
            "packages.installed.torch.version": "2.13.0+cpu",
            "gpu.count": NOT_ASKED,
            "cuda.driver_version": NOT_ASKED,
        },
    ),
    "collect_env_gpu.txt": (
        "collect-env",
        {
            "gpu.count": 2,
            "gpu.device.1.name": "NVIDIA A100-SXM4-80GB",
            "gpu.device.0.compute_capability": NOT_ASKED,
            "cuda.driver_version": "535.129.03",
            "packages.installed.torch.version": "2.13.0+cu121",
        },
    ),
    "conda-explicit.txt": (
        "conda-list",
        {
            "python.version": "3.11.7",
            "python.implementation": "cpython",
            "packages.installed.libopenblas.version": "0.3.25",
            "packages.installed.libopenblas.conda_build": "pthreads_h413a1c8_0",
            "packages.installed.pytorch.version": "2.1.2",
            "packages.installed.ruamel-yaml.version": "0.18.5",
        },
    ),
    "conda-list.txt": (
        "conda-list",
        {"packages.installed.numpy.conda_build": "py311h64a7726_0", "packages.installed.tqdm.version": "4.66.1"},
    ),
    "environment.yml": (
        "conda-env",
        {
            "python.version": "3.11.7",
            "packages.installed.scipy.version": "1.11.4",
            "packages.installed.pandas.version": NOT_ASKED,
            "packages.installed.scikit-learn.version": NOT_ASKED,
            "packages.installed.tqdm.version": "4.66.1",
            "env.OMP_NUM_THREADS": "4",
        },
    ),
    "uv.lock": (
        "uv",
        {
            "packages.installed.numpy.version": "2.2.6",
            "packages.installed.colorama.version": NOT_ASKED,
            "packages.installed.pyyaml.version": NOT_ASKED,
            "packages.installed.iniconfig.version": NOT_ASKED,
            "packages.installed.demo.version": NOT_ASKED,
        },
    ),
    "poetry.lock": (
        "poetry",
        {
            "packages.installed.numpy.version": "2.2.6",
            "packages.installed.colorama.version": NOT_ASKED,
            "packages.installed.iniconfig.version": NOT_ASKED,
        },
    ),
    "Pipfile.lock": (
        "pipenv",
        {
            "python.version": "3.11.7",
            "packages.installed.numpy.version": "2.2.6",
            "packages.installed.colorama.version": NOT_ASKED,
            "packages.installed.iniconfig.version": NOT_ASKED,
        },
    ),
    "mlenv.json": (
        "mlenv",
        {
            "python.version": "3.11.7",
            "python.implementation": "cpython",
            "os.libc.name": "glibc",
            "packages.installed.backports-tarfile.version": "1.2.0",
        },
    ),
    "wandb": (
        "wandb",
        {
            "config.lr": 0.1,
            "config.model.depth": 2,
            "config.name": None,
            "config.api_key": "[redacted]",
            "config.batch_size": NOT_ASKED,
            "code.entry": "t.py",
            "memory.total_bytes": 25276510208,
            "cpu.cores.logical": 2,
            "python.version": "3.11.7",
            "os.architecture": "x86_64",
            "code.git.commit": NOT_ASKED,
        },
    ),
    "mlflow": (
        "mlflow",
        {
            "config.lr": 0.1,
            "config.epochs": 3,
            "config.shuffle": True,
            "config.model/depth": 2,
            "code.entry": "flow.py",
            "python.version": "3.11.7",
            "packages.installed.cloudpickle.version": "3.1.2",
        },
    ),
    "sacred": (
        "sacred",
        {
            "config.lr": 0.1,
            "config.model.shape": [2, 3],
            "config.seed": 7,
            "cpu.brand": "AMD EPYC",
            "packages.installed.numpy.version": "2.4.6",
            "code.entry": "sac.py",
        },
    ),
}


def look_up(record, path):
    fact = record.look_up(parse_path(path))
    return fact.value if isinstance(fact, Observed) else fact


def write(folder, name, text):
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", CASES)
def test_each_source_is_recognised_and_read(name):
    kind, facts = CASES[name]
    record, _notes = import_sources([FIXTURES / name])
    assert {path: look_up(record, path) for path in facts} == facts
    named, _notes = import_sources([FIXTURES / name], kind)
    assert named.fingerprint == record.fingerprint


@pytest.mark.parametrize("name", CASES)
def test_silence_is_unknown_and_never_absent(name):
    record, _notes = import_sources([FIXTURES / name])
    snapshot = record.start if isinstance(record, Run) else record
    for facet in snapshot.facets.values():
        for prefix in find_spec(facet.name).enumerated:
            assert isinstance(snapshot.look_up((*facet.path, *prefix, "not-there")), Unknown)
    for path in (("packages", "installed", "not-there", "version"), ("env", "OMP_X"), ("config", "x"), ("gpu",)):
        assert isinstance(record.look_up(path), Unknown)


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_promised_of_what_was_imported(name):
    record, _notes = import_sources([FIXTURES / name])
    again, _notes = import_sources([FIXTURES / name])
    verdict = compare(record, take_now())
    assert verdict.overall.promised is Level.INCOMPARABLE
    assert verdict.missing
    assert compare(record, again).overall.promised is Level.INCOMPARABLE


def test_every_kind_has_a_case():
    assert {kind for kind, _ in CASES.values()} == set(KINDS)


def test_what_pip_freezes_here_equals_what_the_probe_sees(tmp_path):
    text = subprocess.run([sys.executable, "-m", "pip", "freeze"], capture_output=True, text=True, check=True).stdout
    record, _notes = import_sources([write(tmp_path, "freeze.txt", text)], "pip-freeze")
    now = take_now()
    facts = record.facets["packages"].facts
    versions = {path[1]: fact.value for path, fact in facts.items() if path[2:] == ("version",) and fact != NOT_ASKED}
    assert versions
    for name, version in versions.items():
        assert look_up(now, f"packages.installed.{name}.version") == version


def test_the_platform_of_this_machine_equals_what_the_probe_sees():
    found, now = Found(), take_now()
    add_platform(found, platform.platform())
    for path, fact in found.facts["os"].items():
        assert now.look_up(("os", *path)) == fact


def test_a_run_has_metrics_and_its_time():
    record, _notes = import_sources([FIXTURES / "mlflow"])
    assert isinstance(record, Run)
    assert record.time_ns == 1795285612225 * 10**6
    assert record.result.duration_ns == (1795285619931 - 1795285612225) * 10**6
    assert record.result.metrics["loss"] == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    sacred, _notes = import_sources([FIXTURES / "sacred"])
    assert sacred.result.metrics == {"loss": [(0, 1.0), (1, 0.5), (2, 1 / 3)], "result": [(0, 0.5)]}
    wandb, _notes = import_sources([FIXTURES / "wandb"])
    assert wandb.result.metrics["loss"] == [(2, 1 / 3)]


def test_several_sources_make_one_record():
    record, _notes = import_sources([FIXTURES / "freeze.txt", FIXTURES / "collect_env.txt"])
    assert isinstance(record, Snapshot)
    assert look_up(record, "packages.installed.anyio.version") == "4.16.0"
    assert look_up(record, "cpu.family") == 25
    assert record.side.circumstances["import.from"] == ["pip freeze", "torch.utils.collect_env"]


def test_sources_that_disagree_leave_a_fact_unknown(tmp_path):
    sources = [write(tmp_path, f"{version}.txt", f"numpy=={version}\n") for version in ("1.26.4", "2.0.0", "1.26.4")]
    record, notes = import_sources(sources)
    assert look_up(record, "packages.installed.numpy.version") == Unknown(UnknownCode.FAILED)
    assert any("numpy" in note for note in notes)


def test_lines_of_requirements_of_every_form(tmp_path):
    text = (
        "-i https://user:hunter2secret@example.org/simple\n"
        "# Editable install with no version control (mine==0.3)\n-e /home/ada/mine\n"
        "-e git+https://example.org/other.git@0123456789abcdef#egg=other\n"
        "local @ file:///home/ada/local-1.5-py3-none-any.whl\n"
        "vcs @ git+https://token123:x@example.org/vcs.git@0123abc\n"
        "extra[fast]==1.0 ; python_version < '4'\nloose>=2\nwild==1.*\n"
        "Fancy_Name.x==2.0+cu121 \\\n    --hash=sha256:00\n"
    )
    record, _notes = import_sources([write(tmp_path, "requirements.txt", text)])
    place = "packages.installed"
    assert look_up(record, f"{place}.mine.version") == "0.3"
    assert look_up(record, f"{place}.mine.editable") is True
    assert look_up(record, f"{place}.other.editable") is True
    assert look_up(record, f"{place}.local.version") == "1.5"
    assert look_up(record, f"{place}.local.origin") == "file:local-1.5-py3-none-any.whl"
    assert look_up(record, f"{place}.vcs.origin") == "git+https://example.org/vcs.git@0123abc"
    assert look_up(record, f"{place}.fancy-name-x.version") == "2.0+cu121"
    for name in ("extra", "loose", "wild", "vcs"):
        assert look_up(record, f"{place}.{name}.version") == NOT_ASKED
    assert "hunter2secret" not in str(record.facets) + str(record.side)


def test_reprofp_itself_is_left_out(tmp_path):
    text = "numpy==1.0\nreprofp @ file:///home/ada/reprofp\n-e git+https://example.org/r.git@0#egg=reprofp\n"
    record, _notes = import_sources([write(tmp_path, "freeze.txt", text)])
    assert "reprofp" not in str(record.facets["packages"].facts)


def test_how_an_imported_run_ended_is_not_held_against_it():
    record, _notes = import_sources([FIXTURES / "mlflow"])
    other, _notes = import_sources([FIXTURES / "sacred"])
    failed = replace(other, result=replace(other.result, exit_code=1))
    assert compare(record, other).endings == ""
    assert compare(record, failed).endings == "one of the runs failed: exit code 1"


def test_secrets_leave_what_is_imported():
    for name in ("wandb", "environment.yml"):
        record, _notes = import_sources([FIXTURES / name])
        snapshot = record.start if isinstance(record, Run) else record
        text = str([facet.facts for facet in snapshot.facets.values()]) + str(snapshot.side.circumstances)
        for secret in ("kkkk", "hunter2secret", "abc'"):
            assert secret not in text
    wandb, _notes = import_sources([FIXTURES / "wandb"])
    assert "config.api_key" in wandb.start.side.keyed


def test_a_parameter_that_may_be_cut_off_is_unknown(tmp_path):
    shutil.copytree(FIXTURES / "mlflow", tmp_path / "run")
    (tmp_path / "run" / "params" / "long").write_text("x" * 6000)
    record, _notes = import_sources([tmp_path / "run"])
    assert look_up(record, "config.long") == NOT_ASKED


def test_a_tree_that_sacred_saw_clean_is_clean(tmp_path):
    shutil.copytree(FIXTURES / "sacred", tmp_path / "1")
    file = tmp_path / "1" / "run.json"
    data = json.loads(file.read_text())
    data["experiment"]["repositories"] = [{"url": "u", "commit": "c" * 40, "dirty": False}]
    file.write_text(json.dumps(data))
    assert look_up(import_sources([tmp_path / "1"])[0], "code.git.dirty") == ABSENT
    data["experiment"]["repositories"][0]["dirty"] = True
    file.write_text(json.dumps(data))
    record, _notes = import_sources([file])
    assert look_up(record, "code.git.commit") == "c" * 40
    assert look_up(record, "code.git.dirty") == NOT_ASKED


def test_a_fact_that_one_side_lists_below_an_unknown_one_is_compared():
    record, _notes = import_sources([FIXTURES / "collect_env.txt"])
    other, _notes = import_sources([FIXTURES / "collect_env_gpu.txt"])
    paths = {".".join(reason.path) for reason in compare(record, other).reasons}
    assert "packages.installed.torch.version" in paths


def test_environment_variables_of_now_are_not_called_new(monkeypatch):
    monkeypatch.setenv("MY_OWN_VARIABLE", "x")
    record, _notes = import_sources([FIXTURES / "collect_env.txt"])
    verdict = compare(record, take_now())
    every = [*verdict.reasons, *verdict.missing, *verdict.not_relevant]
    assert ("env", "MY_OWN_VARIABLE") not in {reason.path for reason in every}
    assert any(reason.path == ("env",) for reason in verdict.missing)


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        ("a.json", "wandb", "[]"),
        ("run.json", "sacred", "{"),
        ("uv.lock", "uv", "= ="),
        ("Pipfile.lock", "pipenv", "{}"),
        ("e.yml", "conda-env", "{[}"),
        ("a.txt", "pip-freeze", "\0\0"),
        ("a.txt", None, "hello world, this is prose\n" * 3),
        ("a.txt", None, ""),
    ],
)
def test_what_is_malformed_is_a_clear_error(tmp_path, name, kind, text):
    path = write(tmp_path, name, text)
    with pytest.raises(InputError, match=str(path)):
        import_sources([path], kind)


def test_what_is_not_there_or_no_kind_is_a_clear_error(tmp_path):
    with pytest.raises(InputError, match="no file or folder"):
        import_sources([tmp_path / "gone"])
    with pytest.raises(UsageError, match="expected one of"):
        import_sources([FIXTURES / "freeze.txt"], "nonsense")
    (tmp_path / "bytes").write_bytes(b"\xff\xfa\x00numpy==1")
    with pytest.raises(InputError, match="UTF-8"):
        import_sources([tmp_path / "bytes"])


def test_a_file_from_windows_is_read(tmp_path):
    (tmp_path / "freeze.txt").write_bytes("numpy==1.26.4\r\ntqdm==4.0\r\n".encode("utf-16"))
    assert look_up(import_sources([tmp_path / "freeze.txt"])[0], "packages.installed.tqdm.version") == "4.0"


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
)
LINES = st.lists(st.sampled_from(sorted({
    line for name in ("freeze.txt", "collect_env_gpu.txt", "environment.yml", "conda-list.txt", "uv.lock", "poetry.lock")
    for line in (FIXTURES / name).read_text().splitlines()})) | st.text(max_size=40), max_size=40)  # fmt: skip


def try_import(path, kind):
    """Import, or fail as a user's mistake does; the record has canonical bytes."""
    try:
        record, _notes = import_sources([path], kind)
    except ReprofpError:
        return
    assert record.id
    snapshot = record.start if isinstance(record, Run) else record
    assert not any(isinstance(fact, Absent) for facet in snapshot.facets.values() for fact in facet.facts.values())


@settings(max_examples=60)
@given(lines=LINES, kind=st.sampled_from(sorted(KINDS)))
def test_no_text_breaks_a_reader(tmp_path_factory, lines, kind):
    path = tmp_path_factory.getbasetemp() / "fuzz.txt"
    path.write_text("\n".join(lines), encoding="utf-8", errors="surrogatepass")
    try_import(path, kind)


@settings(max_examples=60)
@given(document=DOCUMENTS, data=st.data())
def test_no_document_breaks_a_reader(tmp_path_factory, document, data):
    """Put any value in the place of any part of a real document."""
    name, kind = data.draw(st.sampled_from([("wandb-metadata.json", "wandb"), ("run.json", "sacred"),
                                            ("config.json", "sacred"), ("metrics.json", "sacred"),
                                            ("mlenv.json", "mlenv"), ("Pipfile.lock", "pipenv")]))  # fmt: skip
    folder = tmp_path_factory.getbasetemp() / "fuzzed" / kind
    shutil.rmtree(folder, ignore_errors=True)
    place = FIXTURES / kind if (FIXTURES / kind).is_dir() else FIXTURES
    if place is FIXTURES:
        folder.mkdir(parents=True)
    else:
        shutil.copytree(place, folder)
    whole = json.loads((place / name).read_text())
    part, key = whole, data.draw(st.sampled_from(sorted(whole)))
    while isinstance(part[key], dict) and part[key] and data.draw(st.booleans()):
        part, key = part[key], data.draw(st.sampled_from(sorted(part[key])))
    part[key] = document
    (folder / name).write_text(json.dumps(whole))
    try_import(folder if place is not FIXTURES else folder / name, kind)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="not a regular file"):
        import_sources([tmp_path / "pipe"])


def test_sources_list_nothing_where_they_cannot():
    assert Source(FIXTURES / "gone").list() == []


@pytest.mark.parametrize(
    ("kind", "text", "cut"),
    [
        ("pip-freeze", "numpy==1.26.4\nscipy==1.1\n", "scipy"),
        ("conda-list", "# packages in environment at /x:\nnumpy 1.26.4 py311_0\nscipy 1.1 py3\n", "scipy"),
        (
            "collect-env",
            "PyTorch version: 2.1\nVersions of relevant libraries:\n[pip3] numpy==1.26.4\n[pip3] scipy==1.1\n",
            "scipy",
        ),
    ],
)
def test_a_version_that_may_be_cut_off_is_not_known(tmp_path, kind, text, cut):
    path = tmp_path / "kept.txt"
    for end, known in (("\n", Observed("1.1")), ("", NOT_ASKED)):
        path.write_text(text.removesuffix("\n") + end)
        record, notes = import_sources([path], kind)
        assert record.look_up(("packages", "installed", cut, "version")) == known
        assert record.look_up(("packages", "installed", "numpy", "version")) == Observed("1.26.4")
        assert [note for note in notes if "cut off" in note] == ([] if end else notes[-1:])


def test_a_text_that_ends_before_its_libraries_is_told(tmp_path):
    (tmp_path / "env.txt").write_text("PyTorch version: 2.1\nIs debug build: False\n")
    assert "is it cut off?" in import_sources([tmp_path / "env.txt"])[1][0]
