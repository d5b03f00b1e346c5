"""Write docs/reference/facts.md from the schema of facets and the docstrings of probes: ``python tools/make_facts_page.py``."""

import ast
import inspect
from pathlib import Path

from reprofp.model.paths import format_path
from reprofp.model.schema import FACETS, FacetSpec

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "facts.md"
HEAD = """# Facts

Generated from the code by `python tools/make_facts_page.py`.

A facet is a named, versioned group of facts; what its silence means is told in [its format](../formats/facet.md). Below an
enumerated prefix a name that is not listed was looked for and is not there.

| facet | side | phases | enumerates | tells |
|---|---|---|---|---|
"""


def make_row(spec: FacetSpec) -> str:
    prefixes = ", ".join(f"`{format_path((spec.name, *prefix))}`" for prefix in spec.enumerated) or "-"
    phases = ", ".join(sorted((phase.value for phase in spec.phases), key=["static", "start", "end"].index))
    return (
        f"| [{spec.name}/{spec.version}](#{spec.name}) | {spec.side.value} | {phases} | {prefixes} | {spec.tells} |\n"
    )


def find_modules(name: str) -> list[Path]:
    folder = ROOT / "reprofp" / "probes"
    return [
        path for path in sorted(folder.glob(f"{name}*.py")) if path.stem == name or path.stem.startswith(f"{name}_")
    ]


def make_section(spec: FacetSpec) -> str:
    modules = find_modules(spec.name) or [
        path for path in [ROOT / "reprofp" / spec.name / "facets.py"] if path.exists()
    ]
    texts = [inspect.cleandoc(ast.get_docstring(ast.parse(path.read_text())) or "") for path in modules]
    body = "\n\n".join(texts) or "No probe reports it yet: its facts are unknown."
    return f"\n## {spec.name}\n\n{body}\n"


def make_page() -> str:
    specs = list(FACETS.values())
    return HEAD + "".join(map(make_row, specs)) + "".join(map(make_section, specs))


if __name__ == "__main__":
    PAGE.write_text(make_page())
