import pytest

from reprofp.ledger import Ledger


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "ledger"


@pytest.fixture
def ledger(folder):
    with Ledger.open(folder) as opened:
        yield opened
