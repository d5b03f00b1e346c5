"""Damaged files are read or refused: nothing but an InputError ever escapes, in bounded memory.

bench/faults/fuzz_readers.py does the same for as long as one likes.
"""

import io
import resource
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from datasets.mutations import make_rng, mutate, mutate_member
from reprofp.datasets import hash_weights
from reprofp.errors import InputError

FIXTURES = Path(__file__).parent / "fixtures"
ROUNDS = 120


def make_arrays(save_arrays):
    made = io.BytesIO()
    save_arrays(
        made, a=np.arange(40, dtype=np.float32).reshape(5, 8), f=np.asfortranarray(np.ones((3, 4))).astype(">i2")
    )
    return made.getvalue()


def make_array():
    made = io.BytesIO()
    np.save(made, np.asfortranarray(np.arange(60.0).reshape(5, 12)))
    return made.getvalue()


SAMPLES = {
    "safetensors": save({"a": np.ones((3, 4)), "b": np.int8([1, 2])}, metadata={"k": "v"}),
    "npy": make_array(),
    "npz": make_arrays(np.savez),
    "npz-packed": make_arrays(np.savez_compressed),
    "gguf": (FIXTURES / "model.gguf").read_bytes(),
    "torch": (FIXTURES / "torch-state.pt").read_bytes(),
    "torch-training": (FIXTURES / "torch-training.pt").read_bytes(),
    "torch-numpy": (FIXTURES / "torch-numpy.pt").read_bytes(),
    "torch-protocol5": (FIXTURES / "torch-protocol5.pt").read_bytes(),
    "torch-without-checksums": (FIXTURES / "torch-without-checksums.pt").read_bytes(),
    "torch-model": (FIXTURES / "torch-model.pt").read_bytes(),
}


def check(path, data):
    """Hash what may be damaged; return whether it was accepted."""
    path.write_bytes(data)
    try:
        hash_weights(path, threads=1)
    except InputError as error:
        refusal = str(error)
    else:
        return True
    assert "\n" not in refusal
    assert len(refusal) < 1500
    return False


@pytest.mark.parametrize("name", SAMPLES)
def test_damaged_files(tmp_path, name):
    path = tmp_path / ("a.safetensors" if name == "safetensors" else "a")
    assert check(path, SAMPLES[name])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed in range(ROUNDS):
        check(path, mutate(SAMPLES[name], make_rng(name, seed)))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 512 * 1024  # KiB


@pytest.mark.parametrize("name", [name for name in SAMPLES if name.startswith(("torch", "npz"))])
def test_damaged_members_under_right_checksums(tmp_path, name):
    accepted = sum(check(tmp_path / "a", mutate_member(SAMPLES[name], make_rng(name, seed))) for seed in range(ROUNDS))
    assert accepted < ROUNDS


def test_damaged_hdf5(tmp_path):
    pytest.importorskip("h5py", reason="h5py is not installed; pip install h5py runs this test")
    data = (FIXTURES / "arrays.h5").read_bytes()
    for seed in range(5):
        check(tmp_path / "a.h5", mutate(data, make_rng("hdf5", seed)))
