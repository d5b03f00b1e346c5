from __future__ import annotations

import hashlib
import json
import math
from datetime import date
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reprofp.model.facets import Facet
from reprofp.model.observations import ABSENT, Observed, Unknown, UnknownCode
from reprofp.probes.base import Context, Experiment
from reprofp.probes.config import ConfigProbe
from reprofp.probes.redaction import REDACTED


@pytest.fixture
def observe(make_context):
    def run(command="", **experiment):
        argv = command.split() if isinstance(command, str) else command
        process = experiment.pop("process", None)
        context = make_context(experiment=Experiment(argv=tuple(argv), **experiment), process=process)
        return ConfigProbe().observe(context)

    return run


@pytest.fixture
def cwd(make_context):
    return make_context().cwd


def facts(report):
    return {".".join(path): fact.value for path, fact in report.facts.items()}


def test_hyper_parameters_of_the_arguments(observe):
    report = observe("python -u train.py --lr 1e-3 --epochs=3 --name resnet --amp --betas 0.9 0.999 opt.wd=yes")
    assert facts(report) == {
        "lr": 0.001, "epochs": 3, "name": "resnet", "amp": True, "betas": [0.9, 0.999], "opt.wd": True,
    }  # fmt: skip
    assert ("opt", "wd") in report.facts


def test_the_same_hyper_parameters_by_arguments_files_and_program(observe, cwd):
    (cwd / "c.yaml").write_text("lr: 1e-3\nepochs: 3\namp: true\nmodel: {name: resnet}\n")
    (cwd / "c.json").write_text('{"lr": 1e-3, "epochs": 3, "amp": true, "model": {"name": "resnet"}}')
    (cwd / "c.toml").write_text('lr = 1e-3\nepochs = 3\namp = true\n[model]\nname = "resnet"\n')
    by_argument = observe("python t.py --lr 1e-3 --epochs 3 --amp --model.name resnet").facts
    for name in ("c.yaml", "c.json", "c.toml"):
        assert observe(config=(Path(name),)).facts == by_argument
    settings = {"lr": 1e-3, "epochs": 3, "amp": True, "model": {"name": "resnet"}}
    assert observe(settings=settings).facts == by_argument


def test_what_belongs_to_no_option_is_kept_as_it_is(observe):
    report = observe("python t.py pos --lr=1 other -- --raw")
    assert facts(report) == {"lr": 1, "$argv": ["pos", "other", "--", "--raw"]}


def test_nothing_declared_is_nothing(observe):
    report = observe()
    assert report.facts == {}
    assert Facet("config", 1, report.facts).look_up(("lr",)) == ABSENT


def test_the_interpreter_launchers_and_the_script_are_no_hyper_parameters(observe):
    assert observe("torchrun --nproc_per_node=2 a/train.py --lr 1").facts == observe("python train.py --lr 1").facts


def test_the_stronger_source_wins_and_that_is_noted(observe, cwd):
    (cwd / "c.json").write_text('{"lr": 1, "wd": 1, "same": 1}')
    report = observe("python t.py --lr 2 --wd 2 --same 1", config=(Path("c.json"),), settings={"wd": 3})
    assert facts(report) == {"lr": 2, "wd": 3, "same": 1}
    assert report.circumstances["config.overruled"] == ["lr", "wd"]


def test_a_later_file_goes_before_an_earlier_one(observe, cwd):
    (cwd / "a.json").write_text('{"lr": 1, "wd": 1}')
    (cwd / "b.json").write_text('{"lr": 2}')
    assert facts(observe(config=(Path("a.json"), Path("b.json")))) == {"lr": 2, "wd": 1}


@pytest.mark.parametrize("command", ["python t.py --config c.yaml", "python t.py -c c.yaml", "python t.py c.yaml"])
def test_files_that_the_arguments_name_are_taken_apart(observe, cwd, command):
    (cwd / "c.yaml").write_text("lr: 0.1\n")
    assert facts(observe(command))["lr"] == 0.1


def test_a_file_that_is_declared_and_named_is_read_once(observe, cwd):
    (cwd / "c.yaml").write_text("lr: 0.1\n")
    report = observe("python t.py --config c.yaml", config=(cwd / "c.yaml",))
    assert facts(report) == {"lr": 0.1, "config": "c.yaml"}
    assert "config.overruled" not in report.circumstances


def test_a_list_of_values_is_no_file(observe, cwd):
    (cwd / "data.json").write_text("[1, 2]")
    (cwd / "large.json").write_text(json.dumps({str(number): number for number in range(2000)}))
    report = observe("python t.py data.json large.json")
    assert set(facts(report)) == {"$argv", "$files.data.json", "$files.large.json"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("c.ini", b"[a]\nb = 1\n"),
        ("c.yaml", b"a: ["),
        ("c.yaml", b"- 1\n"),
        ("c.yaml", b"a: 1\n---\nb: 2\n"),
        ("c.yaml", b"a: &a\n  b: *a\n"),
        ("c.json", b"[" * 100_000),
        ("c.json", b'{"a": ' * 50 + b"1" + b"}" * 50),
        ("c.toml", b"\xff"),
        ("c.json", b""),
        ("c.json", b'{"x": "' + b"x" * (1 << 20) + b'"}'),
    ],
)
def test_a_file_that_cannot_be_taken_apart_is_a_digest(observe, cwd, name, content):
    (cwd / name).write_bytes(content)
    report = observe(config=(Path(name),))
    assert report.facts == {("$files", name): Observed("sha256:" + hashlib.sha256(content).hexdigest())}


@pytest.mark.parametrize("form", ["{{x: *a{0}, y: *a{0}}}", "[*a{0}, *a{0}]"])
def test_a_bomb_of_aliases_is_a_digest(observe, cwd, form):
    lines = ["a0: &a0 {x: 1, y: 2}"]
    lines += [f"a{n}: &a{n} " + form.format(n - 1) for n in range(1, 64)]
    (cwd / "bomb.yaml").write_text("\n".join(lines))
    assert list(facts(observe(config=(Path("bomb.yaml"),)))) == ["$files.bomb.yaml"]


def test_two_files_of_one_name(observe, cwd):
    for folder in ("a", "b"):
        (cwd / folder).mkdir()
        (cwd / folder / "c.ini").write_text(folder)
    assert set(facts(observe(config=(Path("a/c.ini"), Path("b/c.ini"))))) == {"$files.c.ini", "$files.c.ini#2"}


def test_a_file_that_is_gone_is_unknown(observe):
    assert observe(config=(Path("gone.yaml"),)).facts == {("$files", "gone.yaml"): Unknown(UnknownCode.FAILED)}


def test_keys_of_the_user_never_look_like_ours(observe, cwd):
    (cwd / "c.json").write_text('{"$argv": 1, "$files": {"$$x": 2}, "a.b": 3, "": 4}')
    report = observe(config=(Path("c.json"),))
    assert dict(report.facts) == {
        ("$$argv",): Observed(1), ("$$files", "$$$x"): Observed(2), ("a.b",): Observed(3), ("",): Observed(4),
    }  # fmt: skip


def test_types_are_kept(observe, cwd):
    (cwd / "c.toml").write_text("day = 2024-01-01\nlist = [1, [2.0]]\nnan = nan\ntables = [{a = 1}]\nempty = {}\n")
    (cwd / "c.yaml").write_text("none: null\nbig: 123456789012345678901234567890\nday2: 2024-01-01\n1: one\n")
    found = facts(observe(config=(Path("c.toml"), Path("c.yaml"))))
    assert math.isnan(found.pop("nan"))
    assert found == {
        "day": date(2024, 1, 1), "list": [1, [2.0]], "tables": [{"a": 1}], "empty": {}, "none": None,
        "big": 123456789012345678901234567890, "day2": "2024-01-01", "1": "one",
    }  # fmt: skip
    assert isinstance(found["list"][1][0], float)


class Scalar:
    def __init__(self, value):
        self._value = value

    def item(self):
        return self._value


def test_settings_of_other_types(observe):
    given_settings = {
        "path": PurePosixPath("/home/bob/x"), "tuple": (1, 2), "set": {"b", "a"}, "scalar": Scalar(0.5), "odd": object(),
    }  # fmt: skip
    report = observe(settings=given_settings)
    assert report.facts.pop(("odd",)) == Unknown(UnknownCode.FAILED)
    assert facts(report) == {"path": "x", "tuple": [1, 2], "set": ["a", "b"], "scalar": 0.5}
    assert "object" in report.circumstances["config.odd"]


def test_settings_that_hold_themselves_are_an_error(observe):
    loop = {"a": 1}
    loop["b"] = [loop]
    with pytest.raises(ValueError, match="more than"):
        observe(settings=loop)


def test_where_data_lies_does_not_matter(observe, tmp_path):
    here = observe("python t.py --data /home/ada/data --out /home/ada/run1/result.npz")
    there = observe("python t.py --data /mnt/data --out /scratch/result.npz")
    assert here.facts == there.facts
    assert facts(here) == {"data": "data", "out": "result.npz"}
    assert here.circumstances["config.data"].endswith("/data")


def test_what_was_declared_is_named_so(observe):
    declared = {"data": {"train": Path("/a/one")}, "outputs": {"model": Path("out/1.npz")}}
    report = observe("python t.py --data /a/one out/1.npz", **declared)
    assert facts(report) == {"data": ["[data train]", "[output model]"]}


def test_secrets_become_keyed(observe, cwd):
    (cwd / "c.yaml").write_text(
        "db: {password: canary1, port: 1}\nurl: https://u:canary2@h\nkeys: {api_key: [canary3]}\n"
    )
    command = "python t.py --api-key canary4 --password 12345 --note ghp_canary5canary5canary5 -u ada:canary6 x=1 pwd=canary7 -- tok=1 secret=canary8"
    report = observe(command, config=(Path("c.yaml"),), settings={"token": "canary9", "hidden": {"secret": 5}})
    assert "canary" not in repr((report.facts, report.circumstances))
    found = facts(report)
    for key in ("db.password", "api_key", "password", "note", "pwd", "token", "hidden.secret"):
        assert found[key] == REDACTED
    assert found["keys.api_key"] == [REDACTED]
    assert found["u"] == f"ada:{REDACTED}"
    assert report.secrets["config.api_key"] == b"canary4"
    assert report.secrets["config.password"] == b"12345"
    assert set(report.secrets) == {
        "config.db.password", "config.url", "config.keys.api_key", "config.api_key", "config.password", "config.note",
        "config.u", "config.pwd", "config.token", "config.hidden.secret", "config.$argv",
    }  # fmt: skip


def test_another_secret_has_another_digest(observe):
    first, second = (observe(f"python t.py --api-key {key}") for key in ("one", "two"))
    assert first.facts == second.facts
    assert first.secrets != second.secrets


def test_the_command_is_a_circumstance(observe, make_context):
    home = make_context().environ["HOME"]
    report = observe(f"python {home}/t.py --api-key canary")
    assert report.circumstances["config.command"] == ["python", "~/t.py", "--api-key", REDACTED]


def test_a_process_tells_its_arguments_where_none_are_declared(observe):
    process = {"orig_argv": ["/usr/bin/python3", "t.py", "--lr", "0.1"], "argv": ["t.py"]}
    assert facts(observe(process=process)) == {"lr": 0.1}
    assert facts(observe("python t.py --lr 0.2", process=process)) == {"lr": 0.2}
    assert observe(process={"orig_argv": {"error": "failed"}}).facts == {}


def test_a_notebook_has_no_arguments_of_its_own(observe):
    process = {"orig_argv": ["python", "-m", "ipykernel_launcher", "-f", "/run/user/1/kernel-1234.json"]}
    assert observe(process=process).facts == {}


tokens = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["--lr", "1e-3", "--a.b", "x=1", "--", "-v", "--api-key", "/home/ada/x", "{", "[1", "[*a]", "\ud800"]
    ),
)


@given(
    st.lists(tokens, max_size=8), st.dictionaries(st.text(max_size=4), st.floats() | st.text(max_size=5), max_size=3)
)
@settings(max_examples=200, deadline=None)
def test_any_command_makes_a_facet(argv, given_settings):
    experiment = Experiment(argv=("python", "t.py", *argv), settings=given_settings)
    context = Context(environ={"HOME": "/home/ada"}, cwd=Path("/home/ada/p"), experiment=experiment)
    report = ConfigProbe().observe(context)
    facet = Facet("config", 1, report.facts)
    assert Facet.from_canonical(facet.canonical).raw_id == facet.raw_id
    assert "/home/ada" not in repr(report.facts)
