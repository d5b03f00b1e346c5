"""A verdict on the screen, narrow and wide."""

import pytest

from render import golden
from render.verdicts import BITS, FLAGS, HASH_SEED, LR, PACKAGES, THREADS, VERDICTS, reason, verdict
from reprofp.model.observations import Observed
from reprofp.render.layout import plain
from reprofp.render.text import Shown, _answer, draw_doctor, draw_reasons, draw_verdict


def draw(name, shown):
    return plain(draw_verdict(VERDICTS[name], "rn1:0123456789ab (good)", "rn1:ba9876543210 (@-1)", shown))


@pytest.mark.parametrize("name", VERDICTS)
@pytest.mark.parametrize("width", [60, 100, 160])
def test_golden(name, width):
    golden.check(f"{name}-{width}.txt", draw(name, Shown(width)))


def test_golden_with_everything_and_an_answer():
    golden.check("many-all.txt", draw("many", Shown(100, everything=True, level="bitwise", answer=1)))


@pytest.mark.parametrize(
    ("name", "answer", "said"),
    [
        ("equal", 0, "yes: same conditions, same experiment: the same bits are promised\n"),
        (
            "varied",
            0,
            "yes, bitwise is promised: under equal conditions, exactly this differs: config.lr 0.1 -> 0.01; ",
        ),
        ("one_difference", 1, "no, bitwise is out of reach: same conditions; one difference: config.lr 0.1 -> 0.01"),
        ("hash_seed", 2, "undecided: statistical is promised, bitwise is possible"),
        ("before_run", 0, "yes, nothing is in the way of bitwise: no obstacle before the run; 2 facts settle later"),
    ],
)
def test_the_answer_comes_first(name, answer, said):
    assert draw(name, Shown(200, level="bitwise", answer=answer)).startswith(said)


@pytest.mark.parametrize("name", VERDICTS)
@pytest.mark.parametrize("width", [1, 40, 60, 100])
def test_no_line_is_wider_than_the_screen_unless_a_word_is(name, width):
    for line in draw(name, Shown(width)).splitlines():
        longest = max((len(word) for word in line.split()), default=0)
        assert len(line) <= max(width, 80) or longest > 30
        assert len(line) <= max(width, 40) or len(line.split()) <= 12


def test_nothing_unknown_is_hidden():
    text = draw("many", Shown(100))
    assert "? (not loaded yet)" in text
    assert "1 unknown" in text
    assert "the experiment is unknown" in text


def test_what_is_left_out_is_counted():
    reasons = [reason(f"os.fact{number}", Observed(1), Observed(2), rule=f"rule{number}") for number in range(9)]
    text = plain(draw_reasons(reasons, Shown(200)))
    assert len(text.splitlines()) == 6
    assert "and 4 more (--all)" in text
    assert len(plain(draw_reasons(reasons, Shown(200, everything=True))).splitlines()) == 9


def test_facts_of_one_rule_are_one_row():
    text = plain(draw_reasons([*FLAGS, *PACKAGES], Shown(200)))
    assert "+amx_tile +avx512_bf16 -avx512er" in text
    assert "and 9 more" in text
    assert len(text.splitlines()) == 2


def test_control_characters_are_escaped():
    bad = reason("config.name", Observed("\x1b[31mred"), Observed("\u202eevil"), why="\x07", remedy="a\nb")
    text = plain(draw_verdict(verdict(reasons=(bad,), notes=("\x1b[2J",)), "\x1b", "b", Shown(100)))
    assert text.replace("\n", "").isprintable()


def test_doctor():
    assert plain(draw_doctor([], Shown(100))) == "nothing is known to make runs here unrepeatable\n"
    golden.check("doctor.txt", plain(draw_doctor([THREADS, HASH_SEED], Shown(100))))


def test_the_commonest_pair_is_not_called_incomparable():
    for width in (60, 160):
        assert "incomparable" not in draw("one_difference", Shown(width))
        assert draw("one_difference", Shown(width)).startswith(
            "same conditions; one difference: config.lr 0.1 -> 0.01\n"
        )


def test_equal_conditions_are_not_claimed_where_they_are_open():
    open_pair = verdict(
        experiment=type(VERDICTS["one_difference"].experiment)(differs=(LR,)),
        conditions=VERDICTS["hash_seed"].conditions,
        reasons=(HASH_SEED,),
    )
    text = plain(draw_verdict(open_pair, "a", "b", Shown(100)))
    assert "same conditions" not in text
    assert verdict().conditions == BITS


def test_a_level_is_not_promised_twice_in_one_line():
    said = "statistical is promised, bitwise is possible; in doubt: x"
    assert _answer(Shown(80, False, "statistical", 0, ""), said, before_run=False) == ""
    assert _answer(Shown(80, False, "functional", 0, ""), said, before_run=False) == ", functional is promised"
