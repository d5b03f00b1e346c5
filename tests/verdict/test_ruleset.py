"""The compiled rules and the page of rules are those of the TOML files."""

import importlib.util
from pathlib import Path

import pytest

from reprofp.errors import FormatError
from reprofp.verdict.levels import Level
from reprofp.verdict.ruleset import compile_rules, load_rules, restore_rules

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("make_rules_page", ROOT / "tools" / "make_rules_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_file_of_rules_is_compiled(tool):
    text = tool.COMPILED_RULES.read_text("utf-8")
    assert text == compile_rules(tool.read_all()), "run: python tools/make_rules_page.py"


def test_the_page_is_current(tool):
    assert tool.PAGE.read_text("utf-8") == tool.make_page(tool.read_all()), "run: python tools/make_rules_page.py"


def test_compiling_loses_nothing(tool):
    read, loaded = tool.read_all(), load_rules()
    assert read.rules == loaded.rules
    assert [rule.condition for rule in read] == [rule.condition for rule in loaded]
    assert read.version == loaded.version


@pytest.mark.parametrize("text", ["", "[]", '{"version": "1"}', '{"version": "1", "rules": [{}]}', '{"rules": []}'])
def test_a_damaged_file_says_what_to_do(text):
    with pytest.raises(FormatError, match="install it again"):
        restore_rules(text)


def test_what_an_unknown_condition_is_taken_for():
    assert load_rules().worst() is Level.FUNCTIONAL


def test_silence_is_asked_about_only_where_it_is_not_absent():
    rules = load_rules()
    assert ("cpu", "isa") not in {*rules.silent["cpu"], *rules.asked["cpu"]}
    assert ("threads", "openmp") in rules.asked["threads"]
    assert ("threads", "openmp") not in rules.silent["threads"]
    assert ("os", "libc", "version") in rules.silent["os"]
    assert len(rules) == len(list(rules))
