import pytest

from ledger.builders import make_run, make_snapshot
from reprofp.errors import AmbiguousNameError, NameNotFoundError, UsageError
from reprofp.ledger import Ledger, load, write_record_file
from reprofp.ledger.summaries import Summaries
from reprofp.model.ids import format_id, parse_id

FIRST, SECOND, RUN = make_snapshot(1, lr=1), make_snapshot(2, lr=2), make_run(lr=1)


@pytest.fixture
def filled(ledger):
    ledger.append_many([FIRST, SECOND, RUN])
    ledger.tag("good", SECOND.id)
    return ledger


def name(ledger, text):
    kind, raw_id, note = ledger.resolve(text)
    return format_id(kind, raw_id), note


@pytest.mark.parametrize("record", [FIRST, RUN, RUN.start])
@pytest.mark.parametrize("digits", [6, 7, 8, 15, 16, 17, 18, 33, 63, 64])
def test_ids_and_their_beginnings(filled, record, digits):
    kind, _, hexadecimal = record.id.partition(":")
    assert name(filled, f"{kind}:{hexadecimal[:digits]}") == (record.id, None)
    assert name(filled, hexadecimal[:digits]) == (record.id, None)
    assert name(filled, hexadecimal[:digits].upper()) == (record.id, None)


def test_a_kind_narrows(filled):
    digits = FIRST.id[4:20]
    with pytest.raises(NameNotFoundError):
        filled.resolve("rn1:" + digits)


def test_baselines(filled):
    assert name(filled, "good") == (SECOND.id, None)
    with pytest.raises(NameNotFoundError, match=r"did you mean good\?"):
        filled.resolve("goood")


def test_positions_do_not_count_the_parts_of_runs(filled):
    assert [name(filled, text)[0] for text in ("@-1", "@-2", "@-3")] == [RUN.id, SECOND.id, FIRST.id]
    with pytest.raises(NameNotFoundError, match="has 3"):
        filled.resolve("@-4")


@pytest.mark.parametrize("text", ["@", "@-0", "@-", "@1", "@-x", "@now", "@--1"])
def test_other_positions_are_refused(filled, text):
    with pytest.raises(UsageError, match="@-1 is the newest record"):
        filled.resolve(text)


@pytest.mark.parametrize("length", [68, 20, 10])
def test_a_fingerprint_takes_the_newest_record_and_says_so(filled, length):
    found, note = name(filled, str(RUN.fingerprint)[:length])
    assert found == RUN.id
    assert "the newest record with it" in note
    assert RUN.id[:16] in note


def test_a_fingerprint_of_one_record_says_so(filled):
    found, note = name(filled, str(SECOND.fingerprint))
    assert found == SECOND.id
    assert "the only record" in note


def test_a_fingerprint_without_its_kind(filled):
    assert name(filled, SECOND.fingerprint.raw_id.hex()[:12])[0] == SECOND.id


@pytest.mark.parametrize(
    "text", ["", "nothing", "12345", "sn1:12345", "a b", "ab/cd", "sn1:", "fp1:" + "0" * 64, "0" * 65]
)
def test_what_is_not_there_is_not_found(filled, text):
    with pytest.raises(NameNotFoundError):
        filled.resolve(text)


def test_a_short_prefix_says_so(filled):
    with pytest.raises(NameNotFoundError, match="6 hex digits or more"):
        filled.resolve(FIRST.id[4:9])


@pytest.mark.parametrize(
    ("kind", "what"), [("fa1", "a facet"), ("fc1", "the conditions' part"), ("xx9", "does not know")]
)
def test_ids_of_other_things_say_what_they_are(filled, kind, what):
    with pytest.raises(NameNotFoundError, match=what):
        filled.resolve(f"{kind}:{'0' * 64}")


def test_several_matches_are_listed(filled, monkeypatch):
    lines = list(filled.log())
    monkeypatch.setattr(Summaries, "find_prefix", lambda *_: lines * 5)
    with pytest.raises(AmbiguousNameError) as caught:
        filled.resolve("abcdef")
    text = str(caught.value)
    assert all(line.id in text for line in lines)
    assert "15 ids" in text
    assert "and 5 more" in text


def test_real_prefixes_collide(ledger):
    seen = {}
    for number in range(40_000):
        record = make_snapshot(number)
        before = seen.setdefault(record.id[4:10], record)
        if before is not record:
            break
    ledger.append_many([before, record])
    with pytest.raises(AmbiguousNameError, match=f"{before.id}(.|\n)*{record.id}"):
        ledger.resolve(record.id[4:10])
    longer = next(digits for digits in range(11, 68) if before.id[:digits] != record.id[:digits])
    assert name(ledger, record.id[4:longer])[0] == record.id


def test_load_follows_the_order(folder, filled, tmp_path, monkeypatch):
    filled.close()
    monkeypatch.chdir(tmp_path)
    write_record_file(FIRST, tmp_path / "good")
    assert load("good", folder) == (SECOND, None)  # the baseline comes before the file
    assert load("./good", folder) == (FIRST, None)
    with Ledger.open(folder) as ledger:
        ledger.untag("good")
    assert load("good", folder) == (FIRST, None)
    assert load(RUN.id, folder)[0] == RUN


def test_a_file_needs_no_ledger(folder, tmp_path):
    folder.write_text("not even a folder")
    write_record_file(FIRST, tmp_path / "x")
    assert load(str(tmp_path / "x"), folder) == (FIRST, None)


def test_load_uses_the_default_ledger(own_home):
    with Ledger.open() as ledger:
        ledger.append(FIRST)
    assert (own_home / "ledger.sqlite").exists()
    assert load("@-1") == (FIRST, None)


def test_resolve_gives_raw_ids(filled):
    assert filled.resolve(FIRST.id) == (*parse_id(FIRST.id), None)
