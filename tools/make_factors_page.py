"""Write docs/reference/factors.md from tools/factors.toml: ``python tools/make_factors_page.py``."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reprofp.model.paths import parse_path
from reprofp.probes.toml import read_toml

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "tools" / "factors.toml"
PAGE = ROOT / "docs" / "reference" / "factors.md"
MARKS = {
    "observed": "seen of a real program on a Linux machine without a GPU, with the real library where a library answers",
    "device": "seen of a real program on a machine with an NVIDIA GPU",
    "stand-in": "seen of a compiled library that answers as the real one is documented to",
    "fixture": "seen of files and answers as they are documented or were recorded",
    "documentation": "written after the documentation alone",
}
CHANGES = {
    "rounding": "the order of sums, or the last bits",
    "precision": "numerics beyond rounding",
    "random stream": "other random numbers, or another order of data",
    "computation": "another computation, or other data",
    "repeatability": "whether a run repeats itself",
    "corruption": "results may be wrong",
    "speed": "time only",
    "provenance": "nothing: it is recorded",
    "none": "nothing",
}
HEAD = """# Factors

Generated from `tools/factors.toml` by `python tools/make_factors_page.py`.

What can change the results of a run, and what shows it. A factor is shown by [facts](facts.md), which may take part in a
verdict, or by circumstances, which are kept beside them and never do (*in italics*). Where neither can show it, the table says
why. Which differences matter, and when, is told by [the rules](rules.md).

"""


@dataclass(frozen=True)
class Factor:
    """One line of the table."""

    section: str
    id: str
    changes: str
    facts: tuple[str, ...] = ()
    circumstances: tuple[str, ...] = ()
    verified: str = ""
    note: str = ""
    sources: tuple[str, ...] = ()


def read_table() -> dict[str, Any]:
    return read_toml(TABLE.read_text("utf-8"))


def read_factors() -> list[Factor]:
    """Return the factors with the headings that stand above them as comments."""
    sections = iter(find_sections(TABLE.read_text("utf-8")))
    entries = read_table()["factor"]
    lists = ("facts", "circumstances", "sources")
    return [
        Factor(section=next(sections), **{key: tuple(value) if key in lists else value for key, value in entry.items()})
        for entry in entries
    ]


def find_sections(text: str) -> list[str]:
    found, section = [], ""
    for line in text.splitlines():
        if heading := re.fullmatch(r"# --- (.+) ---", line):
            section = heading[1]
        elif line == "[[factor]]":
            found.append(section)
    return found


def find_reading(pattern: str, reads: dict[str, str]) -> str:
    """Return how the facts of a pattern are read.

    Raises:
        KeyError: the table does not say.
    """
    parts = parse_path(pattern)
    for length in range(len(parts), 0, -1):
        if (found := reads.get(".".join(parts[:length]))) is not None:
            return found
    raise KeyError(pattern)


def make_row(factor: Factor, reads: dict[str, str], numbers: dict[str, int]) -> str:
    shown = [f"`{fact}`" for fact in factor.facts] + [f"*`{name}`*" for name in factor.circumstances]
    readings = dict.fromkeys(find_reading(name, reads) for name in (*factor.facts, *factor.circumstances))
    facts = ", ".join(shown) + (f" ({factor.note})" if shown and factor.note else "") or f"not observed: {factor.note}"
    sources = " ".join(f"[{numbers[key]}](#sources)" for key in factor.sources) or "believed"
    cells = (f"`{factor.id}`", factor.changes, facts, "; ".join(readings) or "-", factor.verified or "-", sources)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def make_counts(factors: list[Factor]) -> str:
    shown = [factor for factor in factors if factor.facts or factor.circumstances]
    ranks = Counter(factor.verified for factor in shown)
    lines = [f"- **{mark}** ({ranks[mark]}): {meaning}\n" for mark, meaning in MARKS.items() if ranks[mark]]
    only = sum(not factor.facts for factor in shown)
    return (
        f"Of {len(factors)} factors {len(shown)} are shown, {only} of them by circumstances only; {len(factors) - len(shown)}"
        f" are not, each with its reason. On what the reading was verified, the strongest of:\n\n{''.join(lines)}\n"
        "What a factor changes: " + "; ".join(f"*{name}*: {meaning}" for name, meaning in CHANGES.items()) + ".\n"
    )


def make_page() -> str:
    table, factors = read_table(), read_factors()
    numbers = {key: number for number, key in enumerate(table["sources"], 1)}
    page = HEAD + make_counts(factors)
    for section in dict.fromkeys(factor.section for factor in factors):
        rows = (make_row(factor, table["reads"], numbers) for factor in factors if factor.section == section)
        page += f"\n## {section}\n\n| factor | changes | shown by | read from | verified | sources |\n|---|---|---|---|---|---|\n"
        page += "".join(rows)
    listed = "".join(f"{number}. {table['sources'][key]}\n" for key, number in numbers.items())
    return f"{page}\n## Sources\n\n{listed}"


if __name__ == "__main__":
    PAGE.write_text(make_page(), "utf-8")
