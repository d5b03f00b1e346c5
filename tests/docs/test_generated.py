"""Pages that are generated from the code are current."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_facts_is_current():
    tool = load(ROOT / "tools" / "make_facts_page.py")
    assert tool.PAGE.read_text() == tool.make_page(), "run: python tools/make_facts_page.py"


def test_the_compiled_classes_of_variables_are_current():
    tool = load(ROOT / "tools" / "make_env_classes.py")
    assert tool.COMPILED.read_text() == tool.compile_classes(), "run: python tools/make_env_classes.py"
