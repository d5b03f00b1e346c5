"""What runs before a program, what was set after its start, and NCCL's files."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import reprofp.probes
from probes.machines import Machine
from reprofp.model.observations import Observed, Unknown, UnknownCode
from reprofp.probes.distributed import DistributedProbe
from reprofp.probes.python import PythonProbe

RAW = Path(reprofp.probes.__file__).parent / "raw.py"
DENIED = Unknown(UnknownCode.DENIED)


def look(make_context, process, probe=None):
    facts = (probe or PythonProbe()).observe(make_context(process={"python": {}, "modules": {}, **process})).facts
    return {path: fact for path, fact in facts.items() if path[0] in ("startup", "environ_changed")}


@pytest.fixture
def packages(tmp_path):
    folder = tmp_path / "site-packages"
    folder.mkdir()
    return folder


def test_files_that_run_code_are_told_and_files_of_folders_are_not(make_context, packages):
    (packages / "hook.pth").write_text("/opt/more\nimport spy; spy.start()\n")
    (packages / "folders.pth").write_text("/opt/more\n# import nothing\n")
    (packages / "__editable__.mine-1.0.pth").write_text("import __editable___mine_finder\n")
    found = look(make_context, {"path": [str(packages)], "environ": {"A": "1"}, "environ_start": {"A": "1"}})
    assert list(found) == [("startup", "hook.pth")]
    (packages / "hook.pth").write_text("/elsewhere\nimport spy; spy.start()\n")
    again = look(make_context, {"path": [str(packages)], "environ": {"A": "1"}, "environ_start": {"A": "1"}})
    assert again == found
    (packages / "hook.pth").write_text("import spy; spy.start(2)\n")
    changed = look(make_context, {"path": [str(packages)], "environ": {"A": "1"}, "environ_start": {"A": "1"}})
    assert changed != found


def test_usercustomize_is_told_where_it_was_loaded(make_context, packages):
    path = packages / "usercustomize.py"
    path.write_text("import os\n")
    same = {"environ": {"A": "1"}, "environ_start": {"A": "1"}, "path": ["/nowhere"]}
    assert look(make_context, {**same, "modules": {"usercustomize": str(path)}})["startup", "usercustomize"].value
    assert look(make_context, same) == {}
    path.unlink()
    failed = Unknown(UnknownCode.FAILED)
    assert look(make_context, {**same, "modules": {"usercustomize": str(path)}})["startup", "usercustomize"] == failed


def test_a_folder_that_may_not_be_read_leaves_what_runs_unknown(make_context, packages, monkeypatch):
    def deny(_path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("reprofp.probes.startup.os.listdir", deny)
    found = look(make_context, {"path": [str(packages)], "environ": {"A": "1"}, "environ_start": {"A": "1"}})
    assert found == {("startup",): DENIED}


@pytest.mark.parametrize(
    ("first", "live", "names"),
    [
        ({"OMP_NUM_THREADS": "2"}, {"OMP_NUM_THREADS": "4"}, ["OMP_NUM_THREADS"]),
        ({"PYTHONHASHSEED": "0", "A": "1"}, {"A": "1"}, ["PYTHONHASHSEED"]),
        ({"A": "1"}, {"A": "2", "TERM": "x", "REPROFP_HOME": "y"}, []),
    ],
)
def test_variables_that_changed_since_the_start_are_named(make_context, first, live, names):
    found = look(make_context, {"environ": live, "environ_start": first, "path": ["/nowhere"]})
    assert found == {("environ_changed", name): Observed(value=True) for name in names}


@pytest.mark.parametrize(
    ("first", "fact"),
    [
        ({"error": "denied"}, DENIED),
        ({"error": "failed"}, Unknown(UnknownCode.FAILED)),
        ({}, Unknown(UnknownCode.NOT_ASKED)),
    ],
)
def test_a_start_that_is_not_known_is_no_start_without_changes(make_context, first, fact):
    found = look(make_context, {"environ": {"A": "1"}, "environ_start": first, "path": ["/nowhere"]})
    assert found == {("environ_changed",): fact}


def test_a_real_process_tells_what_it_set_itself(make_context):
    program = f"""
        import importlib.util, json, os
        os.environ["MKL_CBWR"] = "COMPATIBLE"
        spec = importlib.util.spec_from_file_location("raw", {str(RAW)!r})
        raw = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(raw)
        found = raw.collect()
        print(json.dumps({{name: found[name] for name in ("environ", "environ_start")}}))
    """
    program = "\n".join(line.strip() for line in program.splitlines())
    environ = {name: value for name, value in os.environ.items() if name != "MKL_CBWR"}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True)
    found = look(make_context, {**json.loads(done.stdout), "path": ["/nowhere"]})
    assert found == {("environ_changed", "MKL_CBWR"): Observed(value=True)}


# --- Files of NCCL -----------------------------------------------------------------------------------------


def list_settings(machine, **environ):
    facts = DistributedProbe().observe(machine.context(environ=environ)).facts
    return {
        path[1] if len(path) > 1 else "": getattr(fact, "value", fact)
        for path, fact in facts.items()
        if path[0] == "nccl"
    }


def test_the_users_file_goes_before_the_systems_and_the_environment_before_both(tmp_path):
    machine = Machine(tmp_path)
    machine.write("root/etc/nccl.conf", "# fleet\nNCCL_ALGO=Tree\nNCCL_PROTO = LL128\nNCCL_IB_HCA=mlx5\n")
    machine.write("root/home/ada/.nccl.conf", "NCCL_ALGO=Ring\nNCCL_TOPO_FILE=/home/ada/topo.xml\nnot a setting\n")
    found = list_settings(machine, HOME="/home/ada", NCCL_PROTO="Simple")
    assert found == {"NCCL_ALGO": "Ring", "NCCL_IB_HCA": "mlx5", "NCCL_TOPO_FILE": "topo.xml"}


def test_a_chosen_file_takes_the_place_of_the_users(tmp_path):
    machine = Machine(tmp_path).write("root/opt/nccl", "NCCL_ALGO=Tree\n")
    machine.write("root/home/ada/.nccl.conf", "NCCL_ALGO=Ring\n")
    assert list_settings(machine, HOME="/home/ada", NCCL_CONF_FILE="/opt/nccl") == {"NCCL_ALGO": "Tree"}


def test_without_files_nothing_is_listed(tmp_path):
    assert list_settings(Machine(tmp_path), HOME="/home/ada") == {}


def test_a_file_that_cannot_be_read_is_not_no_file(tmp_path):
    machine = Machine(tmp_path)
    (machine.folder / "root/etc/nccl.conf").mkdir(parents=True)
    assert list_settings(machine) == {"": Unknown(UnknownCode.FAILED)}
