"""``reprofp explain``."""

import json

import pytest

from render.schemas import check
from reprofp.verdict import load_rules


def test_a_rule(ask):
    done = ask("explain", "python.hash-seed")
    assert done.code == 0
    assert "PYTHONHASHSEED=0" in done.out
    assert "source" in done.out


def test_all_rules(ask):
    lines = ask("explain").out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(rule.id for rule in load_rules().rules)


@pytest.mark.parametrize("rule", load_rules().rules, ids=lambda rule: rule.id)
def test_every_rule_can_be_explained(ask, rule):
    done = ask("explain", rule.id)
    assert done.code == 0
    assert done.out.split()[1] == rule.id


def test_json(ask):
    check("explain", json.loads(ask("explain", "--json").out))
    document = json.loads(ask("explain", "python.hash-seed", "--json").out)
    check("explain", document)
    assert [rule["rule"] for rule in document["rules"]] == ["python.hash-seed"]


def test_no_such_rule_names_similar_ones(ask):
    done = ask("explain", "python.hashseed")
    assert done.code == 3
    assert done.failed_clearly
    assert "python.hash-seed" in done.err
