"""``reprofp snapshot``."""

import json
import resource
import sys

import pytest

from privileges import permissions_count
from render.schemas import check
from reprofp.ledger import Ledger, default_path, read_record_file
from reprofp.ledger.spool import list_spooled
from reprofp.model.observations import Observed
from reprofp.model.paths import parse_path


@pytest.fixture
def here(tmp_path, monkeypatch):
    folder = tmp_path / "here"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "x").write_text("1\n")
    (folder / "config.yaml").write_text("lr: 0.1\n")
    (folder / "w.bin").write_bytes(b"weights")
    monkeypatch.chdir(folder)
    return folder


def test_prints_the_id_of_what_it_recorded(ask, here):
    done = ask("snapshot")
    assert done.code == 0
    with Ledger.open(read_only=True) as book:
        assert book.newest().id == done.out.strip()
    assert "recorded: " in done.err
    assert done.err.count("\n") == 1


def test_without_record_there_is_no_ledger(ask, here, own_home):
    done = ask("snapshot", "--no-record")
    assert done.out.startswith("sn1:")
    assert "not recorded" in done.err
    assert not (own_home / "ledger.sqlite").exists()


def test_json_is_the_record(ask, here):
    document = json.loads(ask("snapshot", "--json").out)
    check("record", document)
    assert document["facets"]["os"]["facts"]["sysname"] == {"observed": "Linux"}


def test_the_experiment_that_was_declared(ask, here):
    done = ask(
        "snapshot",
        *("--data", "train=data", "--data", "data", "--weights", "w.bin", "--config", "config.yaml"),
        *("--seed", "7", "--seed", "numpy=8", "--output", "a.rfp"),
    )
    assert done.code == 0, done.err
    record = read_record_file(here / "a.rfp")
    assert record.id == done.out.strip()

    def find(path):
        return record.look_up(parse_path(path))

    assert find("config.lr") == Observed(0.1)
    assert find("datasets.declared.train.digest") == find("datasets.declared.data.digest")
    assert isinstance(find("datasets.declared.train.digest"), Observed)
    assert isinstance(find('weights."w.bin".digest'), Observed)
    assert find("rng.seeds.seed") == Observed(7)
    assert find("rng.seeds.numpy") == Observed(8)


def test_two_snapshots_of_one_state_have_one_fingerprint(ask, here):
    first, second = (json.loads(ask("snapshot", "--json").out) for _ in range(2))
    assert first["fingerprint"] == second["fingerprint"]
    assert first["id"] != second["id"]


def test_a_tag(ask, here):
    done = ask("snapshot", "--tag", "good")
    with Ledger.open(read_only=True) as book:
        assert book.tags() == {"good": done.out.strip()}


def test_the_active_environment_is_described(ask, here, tmp_path, monkeypatch):
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "gone"))
    done = ask("snapshot", "--no-record")
    assert done.code == 3
    assert done.failed_clearly
    assert "VIRTUAL_ENV" in done.err
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    assert ask("snapshot", "--no-record").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--data", "none"], "no file or folder none"),
        (["--data", "x=none"], "no file or folder none"),
        (["--weights", "none"], "no file or folder none"),
        (["--config", "none"], "no file or folder none"),
        (["--data", "data", "--data", "./data"], "both named 'data'"),
        (["--python", "none"], "no interpreter at none"),
        (["--no-record", "--tag", "x"], "--tag"),
        (["--output", "none/a.rfp"], "none/a.rfp"),
        (["--ledger", "w.bin"], "w.bin"),
    ],
)
def test_bad_input(ask, here, words, said):
    done = ask("snapshot", *words)
    assert done.code == 3
    assert done.failed_clearly
    assert said in done.err


def test_a_path_with_an_equals_sign_is_a_path_if_it_is_there(ask, here):
    (here / "a=b").write_text("")
    assert ask("snapshot", "--no-record", "--data", "a=b").code == 0


def test_a_ledger_folder_that_cannot_be_written(ask, here, own_home):
    own_home.chmod(0o500)
    with permissions_count():
        done = ask("snapshot")
    own_home.chmod(0o700)
    assert done.code == 3
    assert done.failed_clearly


def test_a_ledger_in_a_place_where_nothing_can_be_written(ask, here):
    done = ask("snapshot", "--ledger", "/proc/nowhere")
    assert done.code == 3
    assert done.failed_clearly
    assert "/proc/nowhere" in done.err


def test_a_full_disk(command, here, own_home):
    """A limit on the size of files stands for the disk: writing past it fails."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    done = command("snapshot", "--output", here / "a.rfp", preexec_fn=limit)
    assert done.code == 3 or ("waits in" in done.err and list_spooled(default_path())), done
    assert "Traceback" not in done.err
    assert {path.name for path in here.iterdir()} <= {"data", "config.yaml", "w.bin", "a.rfp"}
    if (here / "a.rfp").exists():
        read_record_file(here / "a.rfp")
    with Ledger.open(read_only=True) as book:
        assert len(book) == 0


def test_a_file_that_was_written_is_told_of(ask, here):
    done = ask("snapshot", "--no-record", "--output", "here.rfp")
    assert done.err.startswith("reprofp: written to here.rfp: ")
    done = ask("snapshot", "--output", "here.rfp")
    assert done.err.startswith("reprofp: recorded and written to here.rfp: ")


def test_an_interpreter_that_tells_nothing_is_remarked_on(ask, own_home):
    assert "is /bin/true a Python?" in ask("snapshot", "--no-record", "--python", "/bin/true").err
    assert "a Python?" not in ask("snapshot", "--no-record", "--python", sys.executable).err
