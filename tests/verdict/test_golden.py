"""Verdicts that are kept: a change of rules that changes one of them is meant, or is a mistake."""

import json

from verdict.golden import FILE, judge_all


def test_verdicts_are_those_that_were_kept():
    kept = json.loads(FILE.read_text())
    assert judge_all() == kept, "if the change is meant: python tests/verdict/golden.py"
