"""What is answered in JSON: strict, in the words of the schemas, and complete."""

import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from render.records import RUN, A, B
from render.schemas import LOADED, check
from render.verdicts import VERDICTS
from reprofp.render.json import record_json, time_json, value_json, verdict_json


@pytest.mark.parametrize("name", LOADED)
def test_schemas_are_schemas(name):
    jsonschema.Draft202012Validator.check_schema(LOADED[name])


@pytest.mark.parametrize("name", VERDICTS)
def test_verdicts(name):
    document = verdict_json(VERDICTS[name], A, RUN, level="bitwise", answer=2)
    check("compare", document)
    assert document["requirement"] == {"level": "bitwise", "answer": "undecided"}
    check("compare", verdict_json(VERDICTS[name], A, B))


@pytest.mark.parametrize("record", [A, B, RUN], ids=["a", "b", "run"])
@pytest.mark.parametrize("circumstances", [False, True])
def test_records(record, circumstances):
    document = record_json(record, circumstances=circumstances)
    check("record", document)
    assert ("secret-host" in json.dumps(document)) == circumstances


def test_the_schema_refuses_what_is_none():
    document = verdict_json(VERDICTS["many"], A, B)
    with pytest.raises(jsonschema.ValidationError):
        check("compare", {**document, "overall": {"promised": "best", "possible": "bitwise"}})
    with pytest.raises(jsonschema.ValidationError):
        check("record", {**record_json(A), "phase": "later"})


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.datetimes()
    | st.dates()
    | st.times(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_every_value_is_strict_json(value):
    text = json.dumps(value_json(value), allow_nan=False)
    assert json.loads(text) == value_json(value)


def test_what_json_cannot_hold_is_tagged():
    assert value_json(float("-inf")) == {"$": "float", "v": "-inf"}
    assert value_json(2**64) == {"$": "int", "v": str(2**64)}
    assert value_json(b"\xff") == {"$": "bytes", "v": "ff"}
    assert value_json({"$": 1, "a": True}) == {"$$": 1, "a": True}
    assert value_json("a\udcff") == "a?"


def test_times():
    assert time_json(0) == "1970-01-01T00:00:00.000000000Z"
    assert time_json(-1) == "1969-12-31T23:59:59.999999999Z"
    assert time_json(10**30) is None
