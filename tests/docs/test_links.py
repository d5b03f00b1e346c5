"""Links between pages lead somewhere, and every page is reachable from the index."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]+\]\((?!https?:|#|mailto:)([^)#\s]+)")


def targets(page):
    return {(page.parent / link).resolve() for link in LINK.findall(page.read_text())}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    assert [str(target) for target in targets(page) if not target.exists()] == []


def test_every_page_is_reachable_from_the_readme():
    seen, todo = set(), {ROOT / "README.md"}
    while todo:
        page = todo.pop()
        seen.add(page)
        todo |= {target for target in targets(page) if target.suffix == ".md" and target.exists()} - seen
    assert [str(page.relative_to(ROOT)) for page in PAGES if page.parts[-2] != ROOT.name and page not in seen] == []
