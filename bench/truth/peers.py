"""What other ways to compare two environments say of the same pairs: whether they call them the same."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FLAGGED = {"medium", "high", "critical"}


@dataclass(frozen=True)
class Outcome:
    """Where a run took place: its environment variables and its virtual environment."""

    environ: Mapping[str, str]
    python: Path
    work: Path

    @property
    def key(self) -> str:
        """The same for the same place."""
        text = json.dumps([sorted(self.environ.items()), str(self.python)])
        return hashlib.sha256(text.encode()).hexdigest()[:20]

    def keep(self, kind: str, *command: str) -> Path:
        """Return a file that ``command`` writes in this place; ``{}`` stands for its name."""
        path = self.work / "peers-kept" / f"{self.key}.{kind}"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            words = [word.replace("{}", str(path)) for word in command]
            done = subprocess.run(words, env=dict(self.environ), capture_output=True, check=False)
            if not path.exists():
                path.write_bytes(done.stdout)
        return path


def _same_freeze(a: Outcome, b: Outcome) -> bool:
    return (
        len(
            {
                item.keep("freeze", str(item.python / "bin/python"), "-m", "pip", "freeze").read_bytes()
                for item in (a, b)
            }
        )
        == 1
    )


def _same_variables(a: Outcome, b: Outcome) -> bool:
    return dict(a.environ) == dict(b.environ)


def _same_mlenv(a: Outcome, b: Outcome) -> bool:
    paths = [_keep_tool(item, "mlenv", "snapshot") for item in (a, b)]
    words = [str(a.work / "peers/bin/mlenv"), "diff", *map(str, paths), "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return not _has_risk(json.loads(done.stdout))


def _keep_tool(item: Outcome, tool: str, verb: str) -> Path:
    """Have a tool that lies beside the environment look at it from inside: with its interpreter."""
    folder = next((item.work / "peers/lib").glob("python*/site-packages"))
    code = f"import sys; sys.path.append({str(folder)!r}); sys.argv = ['x', {verb!r}, '-o', '{{}}']; {_ENTRIES[tool]}"
    return item.keep(tool, str(item.python / "bin/python"), "-c", code)


_ENTRIES = {"mlenv": "from mlenv.cli import app; app()", "venv-match": "from venv_match.cli import main; main()"}


def _has_risk(found: Any) -> bool:
    if isinstance(found, dict):
        return str(found.get("risk", found.get("severity", ""))).lower() in _FLAGGED or any(
            map(_has_risk, found.values())
        )
    return isinstance(found, list) and any(map(_has_risk, found))


def _same_venv_match(a: Outcome, b: Outcome) -> bool:
    paths = [_keep_tool(item, "venv-match", "capture") for item in (a, b)]
    done = subprocess.run(
        [str(a.work / "peers/bin/venv-match"), "compare", "--fail-on-diff", *map(str, paths)],
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


PEERS: dict[str, Callable[[Outcome, Outcome], bool]] = {
    "equal pip freeze": _same_freeze,
    "equal environment variables": _same_variables,
    "mlenv-cli diff": _same_mlenv,
    "venv-match compare": _same_venv_match,
}
