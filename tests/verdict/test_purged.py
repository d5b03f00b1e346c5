"""Records of which something was purged."""

from dataclasses import replace

from reprofp.model.facets import Facet
from reprofp.model.records import SideBlob
from reprofp.model.schema import Phase
from reprofp.verdict import Level, compare
from verdict.records import FULL, UNKNOWN, make_snapshot


def test_what_a_purged_side_blob_held_is_unknown():
    purged = make_snapshot(FULL)
    object.__setattr__(purged, "side", SideBlob(salt=b""))
    verdict = compare(make_snapshot(FULL, Phase.END, keyed={"env.FOO": b"1"}), purged)
    assert verdict.conditions.promised is Level.FUNCTIONAL
    assert verdict.conditions.possible is Level.BITWISE
    assert [reason.path for reason in verdict.missing] == [("env", "FOO")]


def test_two_purged_side_blobs_say_nothing():
    purged = [make_snapshot({**FULL, "os.hypervisor": name}) for name in "ab"]
    for snapshot in purged:
        object.__setattr__(snapshot, "side", SideBlob(salt=b""))
    assert compare(*purged).conditions.promised is Level.BITWISE


def test_a_purged_facet_is_unknown_on_either_side():
    whole, purged = make_snapshot(FULL), make_snapshot(FULL, key_id="x")
    facet = whole.facets["os"]
    tombstone = Facet("os", 1, {(): UNKNOWN})
    tombstone.__dict__["raw_id"] = facet.raw_id
    purged = replace(purged, facets={**purged.facets, "os": tombstone})
    one, other = compare(whole, purged), compare(purged, whole)
    assert one.conditions == other.conditions
    assert one.conditions.promised is Level.STATISTICAL
    assert one.conditions.possible is Level.BITWISE
