"""Rules are read strictly: what is not understood is refused, with the file and the rule."""

import pytest

from reprofp.errors import FormatError
from reprofp.verdict.loading import read_rules

GOOD = {
    "id": '"x.y"',
    "facts": '["cpu.vendor"]',
    "breaks": '"bitwise"',
    "why": '"because"',
    "evidence": '"doc"',
    "source": '"a book"',
}


def write(**changes):
    fields = {**GOOD, **{name.replace("_", "-"): value for name, value in changes.items()}}
    return "[[rule]]\n" + "".join(f"{name} = {value}\n" for name, value in fields.items() if value is not None)


def read(*texts):
    return read_rules({f"file{index}.toml": text for index, text in enumerate(texts)})


def test_reads_a_rule_with_everything():
    (rule,) = read(
        write(
            facts='["packages.installed.*.version"]',
            active_when='{ package = "{1}" }',
            remedy='"r"',
            if_unknown='"u"',
            unsafe_if='{ in = ["1"], absent = true }',
            versions="true",
            measurable="true",
            yields_to='["packages.imported.{1}.version"]',
            follows='["packages.imported.{1}.version"]',
        )
    )
    assert (rule.id, rule.remedy, rule.if_unknown, rule.versions, rule.measurable) == ("x.y", "r", "u", True, True)
    assert rule.unsafe_if.operands == ("1",)
    assert rule.worst < rule.level


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"why": None}, "lacks why"),
        ({"colour": '"red"'}, "unknown keys colour"),
        ({"breaks": '"bits"'}, "breaks: expected one of bitwise"),
        ({"breaks": "[]"}, "breaks: expected one of"),
        ({"evidence": '"hearsay"'}, "evidence"),
        ({"facts": "[]"}, "facts: expected a list"),
        ({"facts": '"cpu.vendor"'}, "facts: expected a list"),
        ({"facts": "[1]"}, "facts: expected a path"),
        ({"facts": '["cpu.vendor", "cpu.vendor"]'}, "without repetition"),
        ({"facts": '["cqu.vendor"]'}, "no facet 'cqu'"),
        ({"facts": '["*.vendor"]'}, "named in full"),
        ({"facts": '["effective.colour"]'}, "no effective fact 'colour'"),
        ({"facts": '["cpu.vendor", "config.lr"]'}, "conditions and experiment"),
        ({"yields_to": '["cqu.x"]'}, "no facet 'cqu'"),
        ({"active_when": '"sometimes"'}, "'sometimes' is no condition"),
        ({"active_when": "{ modul = 'x' }"}, "is no condition"),
        ({"unsafe_if": "{ equal = 1 }"}, "expected one of equals"),
        ({"unsafe_if": "1"}, "a table with a test"),
        ({"versions": '"yes"'}, "versions: expected true or false"),
        ({"why": '" padded "'}, "why: expected one line of text"),
        ({"why": '"""two\nlines"""'}, "why: expected one line of text"),
        ({"only_unsafe": "true"}, "needs unsafe-if"),
        ({"breaks": '"experiment"'}, "a condition breaks"),
        ({"breaks": '"none"', "versions": "true"}, "breaks nothing"),
        ({"breaks": '"none"', "unsafe_if": "{ equals = 1 }"}, "breaks nothing"),
    ],
)
def test_refuses_with_the_place_and_what_was_expected(changes, message):
    with pytest.raises(FormatError, match=r"^rules file file0\.toml, rule x\.y: ") as caught:
        read(write(**changes))
    assert message in str(caught.value)


def test_refuses_a_rule_without_id():
    with pytest.raises(FormatError, match=r"rule \(without id\): lacks id"):
        read(write(id=None))


@pytest.mark.parametrize("text", ["rule = [", "[rule]\nid = 1\n", "", "[[rules]]\n", write() + "\n[more]\n"])
def test_refuses_what_is_no_file_of_rules(text):
    with pytest.raises(FormatError, match=r"rules file file0\.toml"):
        read(text)


def test_refuses_two_rules_of_one_name():
    with pytest.raises(FormatError, match=r"rule x\.y: is in file0\.toml and in file1\.toml"):
        read(write(), write())


def test_the_version_follows_the_content_and_not_the_files():
    one, two = write(), write(id='"z"')
    assert read(one, two).version == read(two, one).version == read(one + two).version
    assert read(one).version != read(write(why='"another"')).version
