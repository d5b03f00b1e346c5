"""``compare`` of more than two records, and its pages."""

import json

import pytest

from render.records import RUN, A, B
from render.schemas import check


def test_a_table_of_every_pair(ask, filled):
    done = ask("compare", A.id, B.id, RUN.id)
    assert done.code == 0
    assert done.out.startswith("3 records, 3 pairs: ")
    assert "says nothing of a and c" in done.out
    document = json.loads(ask("compare", A.id, B.id, RUN.id, "--json").out)
    check("compare-many", document)
    assert [record["id"] for record in document["records"]] == [A.id, B.id, RUN.id]
    assert [pair["records"] for pair in document["pairs"]] == [[0, 1], [0, 2], [1, 2]]


def test_no_line_is_wider_than_the_screen(ask, filled, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    lines = ask("compare", A.id, B.id, RUN.id).out.splitlines()
    assert all(len(line) <= 60 or "->" in line or line.startswith(("a ", "b ", "c ", "bits")) for line in lines)


def test_a_requirement_is_asked_of_every_pair(ask, filled):
    assert ask("compare", A.id, A.id, A.id, "--require", "bitwise").code == 0
    assert ask("compare", A.id, A.id, B.id, "--require", "bitwise").code == 1
    done = ask("compare", A.id, A.id, B.id, "--require", "bitwise", "--group-by", "config.lr")
    assert done.code == 0
    assert done.out.startswith("yes: ")


def test_groups_by_a_fact(ask, filled):
    document = json.loads(ask("compare", A.id, B.id, "--group-by", "config.lr", "--json").out)
    check("compare-many", document)
    assert [group["records"] for group in document["group_by"]["groups"]] == [[0], [1]]
    assert "by config.lr" in ask("compare", A.id, B.id, RUN.id, "--group-by", "config.lr").out


@pytest.mark.parametrize(
    "words",
    [
        [A.id],
        [A.id, B.id, RUN.id, "--markdown"],
        [A.id, B.id, "--html", "x.html", "--json"],
        [A.id, B.id, "nothing-of-this-name"],
        [A.id, B.id, "--html", "/nonexistent/x.html"],
    ],
)
def test_what_makes_no_sense(ask, filled, words):
    done = ask("compare", *words)
    assert done.code == 3
    assert done.failed_clearly


def test_a_page_goes_into_a_file_or_out(ask, filled, tmp_path):
    page = tmp_path / "page.html"
    assert ask("compare", A.id, B.id, "--html", page, "--require", "bitwise").code == 1
    assert page.read_text().startswith("<!doctype html>")
    assert "<b>no</b>" in page.read_text()
    assert ask("compare", A.id, B.id, "--html", "-").out.startswith("<!doctype html>")


def test_a_page_of_three_records(ask, filled, tmp_path):
    page = tmp_path / "page.html"
    names = [A.id, B.id, RUN.id]
    done = ask("compare", *names, "--html", page, "--group-by", "config.name", "--require", "bitwise")
    assert done.code == ask("compare", *names, "--group-by", "config.name", "--require", "bitwise").code
    text = page.read_text()
    assert text.startswith("<!doctype html>")
    assert text.count('<td class="dim">=</td>') == 3
    assert "By config.name" in text
    assert ask("compare", *names, "--html", "-").out.endswith("</html>\n")


def test_a_page_that_cannot_be_written_leaves_what_was_there(ask, filled, tmp_path, monkeypatch):
    page = tmp_path / "page.html"
    page.write_text("as it was")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    done = ask("compare", A.id, B.id, "--html", page)
    assert done.code == 3
    assert done.failed_clearly
    assert page.read_text() == "as it was"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
