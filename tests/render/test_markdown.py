"""A verdict as Markdown."""

import pytest

from render import golden
from render.records import RUN, A
from render.verdicts import VERDICTS, reason, verdict
from reprofp.model.observations import Observed
from reprofp.render.markdown import verdict_markdown


@pytest.mark.parametrize("name", ["many", "one_difference", "same_record"])
def test_golden(name):
    golden.check(f"{name}.md", verdict_markdown(VERDICTS[name], A, RUN, "no"))


def test_values_cannot_break_out_of_a_cell():
    bad = reason("config.x", Observed("a|b\n# <script>"), Observed("`[x](y)"))
    text = verdict_markdown(verdict(reasons=(bad,)), A, RUN)
    row = next(line for line in text.splitlines() if line.startswith("| config.x"))
    assert row.replace("\\|", "").count("|") == 5
    assert "<script>" not in text
