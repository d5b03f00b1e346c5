"""Training scripts with worker processes, with the real packages: promised where seeded, and the same bits as without."""

import os
import subprocess
import sys
import textwrap

import pytest

from reprofp.hooks.run import RunOptions, run_command
from reprofp.verdict import Level, compare

pytestmark = pytest.mark.frameworks

LOADER = """
import sys, torch
from torch.utils.data import DataLoader, Dataset
torch.set_num_threads(1)
SEED
class Noise(Dataset):
    def __len__(self): return 24
    def __getitem__(self, index): return torch.randn(4) + index, torch.tensor(float(index % 2))
if __name__ == "__main__":
    loader = DataLoader(Noise(), batch_size=6, shuffle=True, num_workers=2, GENERATOR)
    model = torch.nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
    for x, y in loader:
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(x).squeeze(1), y).backward()
        optimizer.step()
    with open("out", "wb") as stream:
        stream.write(model.weight.detach().numpy().tobytes())
"""
SEEDED = LOADER.replace("SEED", "torch.manual_seed(0)").replace(
    "GENERATOR", "generator=torch.Generator().manual_seed(0)"
)
UNSEEDED = LOADER.replace("SEED", "").replace("GENERATOR", "")
POOL = """
import multiprocessing, numpy
def work(seed):
    a = numpy.random.default_rng(seed).standard_normal((40, 40))
    return a @ a.T
if __name__ == "__main__":
    with multiprocessing.Pool(2) as pool:
        results = pool.map(work, range(6))
    with open("out", "wb") as stream:
        stream.write(b"".join(result.tobytes() for result in results))
"""
JOBLIB = """
import joblib, numpy
def work(seed):
    return numpy.random.default_rng(seed).standard_normal(9)
if __name__ == "__main__":
    with open("out", "wb") as stream:
        stream.write(b"".join(item.tobytes() for item in joblib.Parallel(n_jobs=2)(joblib.delayed(work)(n) for n in range(4))))
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    return tmp_path


def run(folder, code):
    (folder / "train.py").write_text(textwrap.dedent(code))
    outputs = {"out": folder / "out"}
    record, status = run_command([sys.executable, "train.py"], RunOptions(outputs=outputs, numerics=False))
    assert status == 0
    return record


@pytest.mark.parametrize(
    ("code", "module"), [(SEEDED, "torch"), (POOL, "numpy"), (JOBLIB, "joblib")], ids=["loader", "pool", "joblib"]
)
def test_seeded_workers_are_promised_and_not_disturbed(here, code, module):
    pytest.importorskip(module)
    a, b = run(here, code), run(here, code)
    verdict = compare(a, b)
    assert verdict.overall.promised is Level.BITWISE, [reason.path for reason in verdict.lowering()]
    assert a.fingerprint == b.fingerprint
    assert a.result.outputs == b.result.outputs
    hooked = (here / "out").read_bytes()
    subprocess.run([sys.executable, "train.py"], check=True, cwd=here, env=dict(os.environ))
    assert (here / "out").read_bytes() == hooked


def test_unseeded_workers_are_not(here):
    pytest.importorskip("torch")
    assert compare(run(here, UNSEEDED), run(here, UNSEEDED)).overall.promised < Level.BITWISE
