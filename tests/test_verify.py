"""``reprofp.verify()``."""

import reprofp


def test_a_record_is_held_against_its_places(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_text("1")
    record = reprofp.snapshot(data=tmp_path / "data")
    assert reprofp.verify(record)
    (tmp_path / "data" / "a").rename(tmp_path / "data" / "b")
    found = reprofp.verify(record)
    assert not found
    assert found.answer == 1
    (place,) = found.places
    assert (place.status, place.content.renamed) == ("differs", (("a", "b"),))
    (tmp_path / "data").rename(tmp_path / "moved")
    assert reprofp.verify(record).answer == 2
    assert reprofp.verify(record, data={"data": tmp_path / "moved"}).answer == 1


def test_names_are_taken_too(tmp_path):
    (tmp_path / "file").write_text("1")
    record = reprofp.snapshot(data={"x": tmp_path / "file"}, record=True)
    assert reprofp.verify("@-1")
    assert reprofp.verify(record.id, ledger=None).record == record.id


def test_a_record_without_digests_is_undecided():
    assert reprofp.verify(reprofp.snapshot()).answer == 2
