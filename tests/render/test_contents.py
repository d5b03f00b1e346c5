"""Rolling up what differs in content."""

from hypothesis import given
from hypothesis import strategies as st

from reprofp.model.contents import ContentDifference
from reprofp.render.contents import content_json, content_markdown, draw_contents, roll_up, summarise_content
from reprofp.render.layout import plain

PATH = ("datasets", "declared", "train")
MANY = ContentDifference(
    PATH,
    "files",
    changed=("a/b/1", *(f"a/c/{at}" for at in range(9))),
    added=("top",),
    renamed=tuple((f"x/{at}", f"y/{at}") for at in range(4)),
)


def test_few_names_stand_as_they_are():
    few = ContentDifference(PATH, "files", changed=("a/b",), removed=("c",), renamed=(("d", "e"),))
    assert plain(draw_contents([few])) == (
        "datasets.declared.train  3 files: 1 changed, 1 removed, 1 renamed\n"
        "  changed  a/b\n"
        "  removed  c\n"
        "  renamed  d -> e\n"
    )


def test_many_names_are_rolled_up_to_folders():
    assert plain(draw_contents([MANY])) == (
        "datasets.declared.train  15 files: 10 changed, 1 added, 4 renamed\n"
        "  changed  a/b/1\n"
        "  changed  a/c/  (9 files)\n"
        "  added    top\n"
        "  renamed  x/ -> y/  (4 files)\n"
    )
    assert plain(draw_contents([MANY], everything=True)).count("\n") == 16


def test_tensors_are_rolled_up_to_modules():
    tensors = ContentDifference(("weights", "w"), "tensors", changed=tuple(f"layers.{at}.w" for at in range(40)))
    assert plain(draw_contents([tensors])) == "weights.w  40 tensors changed\n  changed  layers.*  (40 tensors)\n"
    flat = ContentDifference(("weights", "w"), "tensors", changed=tuple(f"w{at}" for at in range(40)))
    assert plain(draw_contents([flat])).endswith("  changed  40 tensors\n")


def test_what_cannot_be_told_is_said():
    problem = ContentDifference(PATH, "files", problem="not kept")
    assert plain(draw_contents([problem])) == "datasets.declared.train  not kept\n"
    assert "not kept" in content_markdown([problem])


def test_hostile_names_are_escaped():
    hostile = ContentDifference(PATH, "files", changed=("a\x1b[31m|`b",))
    assert "\x1b" not in plain(draw_contents([hostile]))
    assert "\\|" in content_markdown([hostile])
    assert content_json(hostile)["changed"] == ["a\x1b[31m|`b"]


names = st.lists(st.text("ab/.", min_size=1, max_size=8), max_size=30, unique=True).map(tuple)


@given(names, names, names, st.sampled_from(["files", "tensors"]))
def test_every_name_is_counted_in_few_lines(changed, added, removed, what):
    content = ContentDifference(PATH, what, changed, added, removed, tuple(zip(added, removed, strict=False)))
    rows = roll_up(content)
    total = len(changed) + len(added) + len(removed) + len(content.renamed)
    assert sum(row.count for row in rows) == total
    assert len(rows) <= 6
    assert len(roll_up(content, everything=True)) == total
    assert summarise_content(content)
