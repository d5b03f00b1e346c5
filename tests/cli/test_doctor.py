"""``reprofp doctor``."""

import json

from render.records import snapshot
from render.schemas import check
from reprofp.ledger import Ledger
from reprofp.model.observations import Observed
from reprofp.model.schema import Phase
from reprofp.render.remedies import EXPORTS, FRAMEWORKS
from reprofp.verdict.ruleset import load_rules


def test_tells_what_cannot_repeat_and_the_remedy(ask):
    record = snapshot(phase=Phase.END, python={("hash_seed",): Observed("random")})
    with Ledger.open() as book:
        book.append(record)
    done = ask("doctor", "@-1")
    assert done.code in {0, 1}
    assert "python.hash_seed" in done.out
    assert "fix: PYTHONHASHSEED=0" in done.out
    document = json.loads(ask("doctor", "@-1", "--json").out)
    check("doctor", document)
    assert "python.hash-seed" in {gate["rule"] for gate in document["gates"]}


def test_this_environment(ask):
    done = ask("doctor")
    assert done.code in {0, 1}
    assert done.err == ""
    assert ask("doctor").out == done.out


def test_no_such_record(ask):
    done = ask("doctor", "nothing-here")
    assert done.code == 3
    assert done.failed_clearly


def test_prints_remedies_to_paste(ask):
    record = snapshot(phase=Phase.END, python={("hash_seed",): Observed("random")})
    with Ledger.open() as book:
        book.append(record)
    done = ask("doctor", "@-1", "--fix-env")
    assert done.code == 0
    assert "export PYTHONHASHSEED=0\n" in done.out
    assert all(line.startswith(("#", "export ")) for line in done.out.splitlines())
    code = ask("doctor", "@-1", "--fix-code").out
    assert "random.seed(0)" in code
    compile(code, "pasted", "exec")
    assert ask("doctor", "@-1", "--fix-env", "--fix-code").code == 3


def test_exports_remove_what_was_found(command):
    """A shell that took the exports in has nothing left that a variable removes."""
    found = command("doctor", "--fix-env", env={"PYTHONHASHSEED": ""}).out
    values = dict(
        line.removeprefix("export ").split("=", 1) for line in found.splitlines() if line.startswith("export ")
    )
    assert values["PYTHONHASHSEED"] == "0"
    assert "export " not in command("doctor", "--fix-env", env=values).out


def test_every_remedy_is_of_a_rule_and_every_line_is_python():
    rules = load_rules()
    for export in EXPORTS:
        rule = rules.by_id[export.rule]
        assert rule.unsafe_if is not None
        assert export.name in rule.remedy
        assert export.cost
        assert export.source.startswith("https://")
    for framework in FRAMEWORKS:
        compile("\n".join(framework.lines), framework.name, "exec")


def test_only_what_stands_in_the_way_of_a_level(ask):
    record = snapshot(phase=Phase.END, python={("hash_seed",): Observed("random")})
    with Ledger.open() as book:
        book.append(record)
    assert "python.hash_seed" in ask("doctor", "@-1", "--level", "bitwise").out
    assert "python.hash_seed" not in ask("doctor", "@-1", "--level", "statistical").out
