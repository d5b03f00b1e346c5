"""Write reprofp/probes/env_classes.json from the TOML beside it: ``python tools/make_env_classes.py``."""

import json
from pathlib import Path

from reprofp.probes.toml import read_toml

FOLDER = Path(__file__).parents[1] / "reprofp" / "probes"
COMPILED = FOLDER / "env_classes.json"


def compile_classes() -> str:
    """Return the table without the reasons, which people read in the TOML."""
    table = read_toml((FOLDER / "env_classes.toml").read_text("utf-8"))
    for name in ("known", "inert"):
        table[name] = [{key: value for key, value in entry.items() if key != "why"} for entry in table[name]]
    return json.dumps(table, sort_keys=True, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    COMPILED.write_text(compile_classes(), "utf-8")
