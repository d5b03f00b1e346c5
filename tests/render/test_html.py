"""The page that can be mailed: it says what the screen says, loads nothing, and no text of a record gets out of its place."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from render import verdicts
from render.records import A, B
from reprofp.model.observations import Observed
from reprofp.render.html import verdict_html
from reprofp.verdict.results import ExperimentVerdict, Verdict

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></head><body onload=alert(1)>",
    "</title><iframe src=//evil.example>",
    "javascript:alert(1)",
    "\x1b[31mred\u202egnirts\u2066",
    "&lt;b&gt; &#60;script&#62;",
    "<!--",
    "]]>",
    "' onmouseover='alert(1)",
)
ALLOWED = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "b", "dl", "dt", "dd", "br", "code", "table",
           "thead", "tbody", "tr", "th", "td", "span", "small", "footer", "ul", "li", "details", "summary", "pre"}  # fmt: skip


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.text, self.open = set(), [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_comment(self, data):
        raise AssertionError(data)

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text.append(data)


def draw(verdict, name="a", contents=(), answer=None):
    return verdict_html(verdict, [(name, A), ("b", B)], answer, contents)


def check_page(text):
    page = Page(text)
    assert page.open == []
    assert page.tags <= ALLOWED
    assert {name for name, _ in page.attributes} <= {"lang", "charset", "http-equiv", "content", "name", "class"}
    style = text.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    return "".join(page.text)


@pytest.mark.parametrize("name", sorted(verdicts.VERDICTS))
def test_the_page_says_what_the_screen_says(name):
    verdict = verdicts.VERDICTS[name]
    said = check_page(draw(verdict, answer=2))
    for reason in (*verdict.reasons, *verdict.experiment.differs):
        assert reason.path[-1] in said
    assert "undecided" in said
    assert f"{verdict.equal} equal" in said


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text):
    bad = replace(verdicts.THREADS, path=("config", text), a=Observed(text), b=Observed([text]), why=text, remedy=text)
    worse = replace(bad, rule=text, mark=text, level=None)
    verdict = Verdict(
        reasons=(bad,), missing=(bad,), not_relevant=(worse,), settles_later=(bad,), notes=(text,), rules_version=text,
        experiment=ExperimentVerdict(differs=(worse,), unknown=(bad,), varied=(bad,)),
    )  # fmt: skip
    page = draw(verdict, name=text)
    said = check_page(page)
    assert not re.search("[\x00-\x08\x0e-\x1f\u202a-\u202e\u2066-\u2069]", page)
    assert text.isprintable() is False or text in said


@given(text=st.text(), value=st.text())
def test_no_text_makes_a_tag(text, value):
    bad = replace(verdicts.THREADS, path=("config", text), a=Observed(value), why=text)
    check_page(draw(Verdict(reasons=(bad,), notes=(value,)), name=text))


def test_nothing_may_be_loaded_or_run():
    page = draw(verdicts.VERDICTS["many"])
    assert "default-src 'none'" in page
    assert "http://" not in page.replace("http-equiv", "")
    assert "prefers-color-scheme: dark" in page
