import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.test_canonical import TEXT
from reprofp.errors import UsageError
from reprofp.model.paths import format_path, parse_path, starts_with


@given(st.lists(TEXT, min_size=1, max_size=4).map(tuple))
def test_parse_reads_what_format_writes(path):
    assert parse_path(format_path(path)) == path


def test_parts_with_dots_are_quoted():
    assert format_path(("packages", "ruamel.yaml", "version")) == 'packages."ruamel.yaml".version'
    assert parse_path('packages."ruamel.yaml".version') == ("packages", "ruamel.yaml", "version")


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", '"a', 'a"b"', '"a"b', r'"\q"'])
def test_refuses_what_is_no_path(text):
    with pytest.raises(UsageError, match="path of a fact"):
        parse_path(text)


def test_prefixes_are_whole_parts():
    assert starts_with(("config", "lr"), ("config",))
    assert starts_with(("config", "lr"), ())
    assert not starts_with(("config", "lr_decay"), ("config", "lr"))
