"""What all tests share."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Tests import their own helpers by name (tests are no package: what is tested is the installed wheel).
sys.path.insert(0, str(Path(__file__).parent))

settings.register_profile("default", deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", deadline=None, max_examples=5000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("REPROFP_HYPOTHESIS", "default"))


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory, monkeypatch):
    """Give every test a state folder of its own, so that no test sees or writes the user's ledger."""
    home = tmp_path_factory.mktemp("reprofp-home")
    monkeypatch.setenv("REPROFP_HOME", str(home))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    monkeypatch.delenv("REPROFP_DISABLE", raising=False)
    monkeypatch.delenv("REPROFP_NO_CACHE", raising=False)
    return home
