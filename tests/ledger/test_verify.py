import random
import shutil
import sqlite3
from contextlib import suppress

import pytest

from ledger.builders import make_run, make_snapshot
from reprofp.errors import LedgerError
from reprofp.ledger import Ledger
from reprofp.ledger.schema import FILE_NAME

FLIPS = 200


def fill(folder, *, count=3):
    with Ledger.open(folder) as ledger:
        for number in range(count):
            ledger.append(make_snapshot(number, lr=number, packages=5 + number))
        ledger.tag("good", ledger.append(make_run(packages=8)))
        ledger.tag("good", ledger.newest(2).id)
    return folder / FILE_NAME


def check(folder):
    with Ledger.open(folder, read_only=True) as ledger:
        return ledger.verify()


def edit(path, sql, *values):
    database = sqlite3.connect(path)
    database.execute("PRAGMA ignore_check_constraints = ON")
    assert database.execute(sql, values).rowcount != 0
    database.commit()
    database.close()


def dump(folder):
    """Everything that the ledger says, decoded."""
    with Ledger.open(folder, read_only=True) as ledger:
        database = ledger._database
        tables = (
            "setting",
            "fingerprint",
            "record",
            "tree",
            "tree_node",
            "checkpoint",
            "tombstone",
            "tag_move",
            "lineage",
        )
        rows = [database.execute(f"SELECT * FROM {table}").fetchall() for table in tables]
        numbers = database.execute("SELECT number, kind, id FROM object").fetchall()
        return rows, [(*row, ledger._objects.read_row(row[0])) for row in numbers], ledger.tags(), list(ledger.log())


def test_a_sound_ledger_has_no_findings(folder):
    fill(folder)
    report = check(folder)
    assert report.is_ok, report.findings
    assert (report.records, report.damaged) == (6, [])
    assert report.objects == 18
    with Ledger.open(folder, read_only=True) as ledger:
        assert report.root == ledger.frontier().root


def test_an_empty_ledger_is_sound(folder):
    assert check(folder).is_ok
    Ledger.open(folder).close()
    assert check(folder).is_ok


def test_kept_nodes_of_a_larger_tree_are_checked(folder):
    with Ledger.open(folder) as ledger:
        ledger.append_many([make_snapshot(number) for number in range(520)])
    assert check(folder).is_ok
    edit(folder / FILE_NAME, "UPDATE tree_node SET hash = zeroblob(32) WHERE position = 1")
    assert "kept node" in str(check(folder).findings[0])


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("UPDATE record SET time_ns = 5 WHERE leaf = 0", "another time"),
        ("UPDATE record SET exit_code = 5 WHERE exit_code = 0", "another role or exit code"),
        ("UPDATE record SET role = 'x' WHERE leaf = 0", "another role or exit code"),
        ("UPDATE record SET run = NULL", "another run"),
        ("UPDATE record SET run = 0 WHERE run IS NOT NULL", "another run"),
        ("UPDATE record SET run = 5 WHERE leaf = 0", "another run"),
        ("UPDATE record SET fingerprint = 1 WHERE leaf = 2", "another fingerprint"),
        ("DELETE FROM record WHERE leaf = 5", "root that the records do not give"),
        ("DELETE FROM record WHERE leaf = 1", "record 1: is missing"),
        ("UPDATE record SET manifest = 1 WHERE leaf = 1", "damaged or missing"),
        ("UPDATE fingerprint SET conditions = zeroblob(32) WHERE number = 1", "another fingerprint"),
        ("INSERT INTO fingerprint VALUES (99, zeroblob(32), zeroblob(32), zeroblob(32))", "belongs to no record"),
        ("UPDATE tree SET size = 7", "cut short"),
        ("UPDATE tree SET frontier = zeroblob(64)", "root that the records do not give"),
        ("INSERT INTO tree_node VALUES (8, 0, zeroblob(32))", "kept node"),
        ("INSERT INTO checkpoint VALUES (1, 2, zeroblob(32), 0, x'')", "not that of the first 2 records"),
        ("INSERT INTO checkpoint VALUES (1, 99, zeroblob(32), 0, x'')", "not that of the first 99 records"),
        ("UPDATE tree SET one = 0", "root that the records do not give"),
        ("UPDATE tag_move SET number = 9 WHERE number = 2", "was changed"),
        ("UPDATE tag_move SET previous = NULL", "was changed"),
        ("UPDATE tag_move SET time_ns = 0 WHERE number = 1", "was changed"),
        ("UPDATE tag_move SET leaf = 0 WHERE number = 2", "was changed"),
        ("UPDATE tag_move SET name = 'x' WHERE number = 2", "was changed"),
        ("DELETE FROM tag_move WHERE number = 1", "is missing"),
        ("UPDATE setting SET value = x'00' WHERE name = 'ledger'", "value was changed"),
        ("UPDATE object SET data = NULL WHERE number = 1", "bytes are missing"),
        ("UPDATE object SET data = x'00', encoding = 1 WHERE number = 1", "not readable"),
        ("UPDATE object SET data = x'00', encoding = 0, size = 1 WHERE number = 1", "another id"),
        ("UPDATE object SET size = 1 << 40 WHERE number = 1", "claims"),
        ("UPDATE object SET size = 'x' WHERE number = 1", "wrong type"),
        ("UPDATE object SET size = size + 1 WHERE number = 1", "instead of"),
        ("UPDATE object SET kind = 'sb1' WHERE number = 1", "another id"),
        ("UPDATE object SET base = 2 WHERE number = 1", "not that of its encoding"),
        ("UPDATE object SET depth = 1 WHERE number = 1", "not that of its encoding"),
        ("UPDATE object SET base = number WHERE number = 1", "deltas away"),
        (
            "INSERT INTO object SELECT 99, kind, id, size, encoding, depth, base, lineage, data FROM object WHERE number = 1",
            "twice",
        ),
        ("DELETE FROM object WHERE number = 1", "missing"),
        ("INSERT INTO tombstone VALUES (1, 0, 'x', zeroblob(8))", "was changed"),
        ("UPDATE lineage SET stack = x'90' WHERE number = 1", "no list of objects"),
        ("UPDATE lineage SET stack = x'c1' WHERE number = 1", "not readable"),
        ("UPDATE lineage SET stack = x'9102', host = zeroblob(7) WHERE number = 1", "not one of deltas"),
        ("INSERT INTO attachment VALUES (1, 'blake3:00', 1, zeroblob(8))", "its object is damaged"),
        ("INSERT INTO attached VALUES (0, 9)", "points to a row of attachment that is missing"),
        ("CREATE TABLE other (x)", "not those of version 2"),
        ("DROP INDEX record_by_fingerprint", "not those of version 2"),
    ],
)
def test_every_edit_is_found(folder, sql, says):
    edit(fill(folder), sql)
    findings = [str(finding) for finding in check(folder).findings]
    assert any(says in text for text in findings), findings


def test_an_orphan_is_listed(folder):
    path = fill(folder)
    database = sqlite3.connect(path)
    database.execute("DELETE FROM record WHERE leaf = 0")
    database.close()
    edit(
        path,
        "INSERT INTO object (kind, id, size, encoding, depth, data) VALUES ('fa1', ?, 1, 0, 0, x'00')",
        bytes.fromhex("1d3f9d0b1f4a2fbba0ad7ae0ae2f5a10d03b5a27ad35b8ef1a7e0ec8a1b6a6a2"),
    )
    assert any("another id" in str(finding) for finding in check(folder).findings)


def test_damage_in_one_record_does_not_hide_others(folder):
    fill(folder)
    victim = make_snapshot(1, lr=1, packages=6)
    edit(
        folder / FILE_NAME,
        "UPDATE object SET data = zeroblob(length(data)) WHERE id = ?",
        victim.facets["packages"].raw_id,
    )
    report = check(folder)
    assert report.damaged == [victim.id]
    with Ledger.open(folder, read_only=True) as ledger:
        assert len(list(ledger.log())) == 4
        assert ledger.get(make_run(packages=8).id) == make_run(packages=8)
        with pytest.raises(LedgerError, match="records that share no damaged part stay readable"):
            ledger.get(victim.id)


def test_damaged_pages_do_not_hide_others(folder):
    with Ledger.open(folder) as ledger:
        ledger.append_many([make_snapshot(number, lr=number, salt=number.to_bytes(16, "big")) for number in range(300)])
        page_size = ledger._database.execute("PRAGMA page_size").fetchone()[0]
    path = folder / FILE_NAME
    data = bytearray(path.read_bytes())
    leaves = [at for at in range(page_size, len(data), page_size) if data[at] == 0x0D]  # leaf pages of tables
    victims = leaves[len(leaves) // 2 :: 7]
    for at in victims:
        data[at : at + page_size] = bytes(page_size)
    path.write_bytes(data)
    report = check(folder)
    assert report.findings
    assert 500 < report.objects < 902
    lines, readable = [], []
    with Ledger.open(folder, read_only=True) as ledger:
        with pytest.raises(LedgerError, match="the database is damaged"):
            keep(ledger.log(), lines)
        for line in lines:
            with suppress(LedgerError):
                readable.append(ledger.get(line.id))
    assert 60 < len(readable) <= len(lines) < 300


def keep(items, kept):
    """Move items one by one, so that those before an error are there."""
    for item in items:
        kept.append(item)


def flip(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return changed


def test_every_flipped_bit_is_found_or_changes_nothing(folder, tmp_path):
    path = fill(folder)
    sound, data = dump(folder), path.read_bytes()
    used = [at for at in range(len(data)) if data[at]]
    random.seed(7)
    # Half of the sample falls on bytes that are not zero, since a small ledger is mostly empty pages.
    bits = [8 * random.choice(used) + random.randrange(8) for _ in range(FLIPS // 2)]
    bits += random.sample(range(8 * len(data)), FLIPS // 2)
    outcomes = {"found": 0, "unused": 0}
    for bit in (*random.sample(range(8 * 100), FLIPS // 4), *bits):  # the header of the file, and the sample
        copy = tmp_path / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        (copy / FILE_NAME).write_bytes(flip(data, bit))
        try:
            found = not check(copy).is_ok
        except LedgerError:
            found = True
        assert found or dump(copy) == sound, f"bit {bit} was not seen"
        outcomes["found" if found else "unused"] += 1
    assert outcomes["found"] > FLIPS // 8
    assert outcomes["unused"] > 0


def test_a_truncated_file_is_found(folder, tmp_path):
    path = fill(folder)
    data = path.read_bytes()
    for size in (0, 1, 16, 99, 100, 512, 4095, 4096, 5000, len(data) // 2, len(data) - 4096, len(data) - 1):
        copy = tmp_path / f"copy-{size}"
        copy.mkdir()
        (copy / FILE_NAME).write_bytes(data[:size])
        try:
            assert not check(copy).is_ok, size
        except LedgerError as error:
            assert str(copy) in str(error)  # noqa: PT017  either will do: a report, or an error that helps


def test_verify_changes_nothing(folder):
    path = fill(folder)
    before = path.read_bytes()
    check(folder)
    assert path.read_bytes() == before


def test_verify_sees_one_state_while_others_append(folder):
    fill(folder)
    with Ledger.open(folder, read_only=True) as reader, Ledger.open(folder) as writer:
        writer.append(make_snapshot(77))
        assert reader.verify().is_ok
        writer.append(make_snapshot(78))
        assert reader.verify().records == 8
