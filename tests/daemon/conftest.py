import pytest

from daemon.serving import serving


@pytest.fixture
def daemon(tmp_path):
    with serving(tmp_path / "ledger") as running:
        yield running
