"""Golden files of what is shown: compared as they are, rewritten by REPROFP_UPDATE_GOLDEN=1 for a person to read."""

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


def check(name, text):
    path = FOLDER / name
    if os.environ.get("REPROFP_UPDATE_GOLDEN") == "1":
        path.write_text(text)
    assert text == path.read_text()
