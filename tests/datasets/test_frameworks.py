"""The frameworks themselves, where they are installed: what they save has the digest of what they hold in memory."""

import warnings

import numpy as np
import pytest

from reprofp.datasets import hash_tensor, hash_tensors, hash_weights, measure_values
from reprofp.datasets.formats.gguf import _TYPES

pytestmark = pytest.mark.frameworks


@pytest.fixture
def torch():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("torch", reason="torch is not installed; pip install torch==2.13.0 runs this test")


@pytest.fixture
def gguf():
    return pytest.importorskip("gguf", reason="gguf is not installed; pip install gguf runs this test")


def make_state(torch):
    torch.manual_seed(3)
    base = torch.randn(40, 60)
    kinds = [torch.float64, torch.float16, torch.bfloat16, torch.int8, torch.bool, torch.complex64, torch.uint16]
    state = {str(kind): (base[:4, :5] * 3).abs().to(kind) for kind in kinds}
    views = {"transposed": base.t(), "sliced": base[1:9, ::3], "expanded": base[:1].expand(7, 60)}
    return state | views | {"base": base, "tied": base, "scalar": base[0, 0], "empty": base[:0]}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_memory_and_checkpoint_are_equal(torch, tmp_path, protocol):
    state = make_state(torch)
    torch.save(state, tmp_path / "a.pt", pickle_protocol=protocol)
    found = hash_weights(tmp_path / "a.pt")
    assert found.format == "torch"
    assert hash_tensors(state) == found.digest


def test_state_dict_of_a_model(torch, tmp_path):
    torch.manual_seed(4)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.LSTM(5, 6))
    torch.save(model.state_dict(), tmp_path / "a.pt")
    assert hash_tensors(model.state_dict()) == hash_weights(tmp_path / "a.pt").digest
    with torch.no_grad():
        next(model.parameters())[0, 0, 0, 0] += 1e-7
    assert hash_tensors(model.state_dict()) != hash_weights(tmp_path / "a.pt").digest


def test_safetensors_and_checkpoint_are_equal(torch, tmp_path):
    save_file = pytest.importorskip("safetensors.torch").save_file
    state = {name: value.contiguous().clone() for name, value in make_state(torch).items()}
    state["f4"] = torch.randint(0, 255, (4, 8), dtype=torch.uint8).view(torch.float4_e2m1fn_x2)
    torch.save(state, tmp_path / "a.pt")
    save_file(state, tmp_path / "a.safetensors")
    assert hash_weights(tmp_path / "a.pt").tensors == hash_weights(tmp_path / "a.safetensors").tensors


def test_tensors_and_arrays_are_equal(torch):
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert hash_tensor(torch.from_numpy(values).t()) == hash_tensor(values.T)
    assert hash_tensor(torch.nn.Parameter(torch.from_numpy(values))) == hash_tensor(values)
    assert hash_tensor(torch.zeros(2, dtype=torch.complex64).conj().resolve_conj()) == hash_tensor(
        np.zeros(2, "c8").conj()
    )


@pytest.mark.parametrize(
    "kind", ["float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "bfloat16", "float16"]
)
def test_values_of_small_floats(torch, tmp_path, kind):
    save_file = pytest.importorskip("safetensors.torch").save_file
    bits = torch.arange(65536, dtype=torch.int32).to(torch.uint16).view(torch.uint8)
    dtype = getattr(torch, kind)
    a = bits.view(dtype)
    b = bits.flip(0).clone().view(dtype)
    save_file({"w": a.clone()}, tmp_path / "a.safetensors")
    save_file({"w": b}, tmp_path / "b.safetensors")
    [found] = measure_values(tmp_path / "a.safetensors", tmp_path / "b.safetensors")
    x, y = a.to(torch.float64), b.to(torch.float64)
    finite = x.isfinite() & y.isfinite()
    assert found.max_abs == (x - y)[finite].abs().max().item()
    assert found.nan_changes == (x.isnan() != y.isnan()).sum().item()
    assert found.inf_changes == ((x.isinf() | y.isinf()) & ~x.isnan() & ~y.isnan() & (x != y)).sum().item()
    assert found.relative_norm == pytest.approx(((x - y)[finite].norm() / x[finite].norm()).item())


def test_gguf_says_the_same(gguf, tmp_path):
    writer = gguf.GGUFWriter(tmp_path / "a.gguf", "llama")
    writer.add_tensor("w", np.arange(15, dtype=np.float32).reshape(3, 5))
    blocks = gguf.quants.quantize(np.arange(256, dtype=np.float32).reshape(4, 64), gguf.GGMLQuantizationType.Q5_1)
    writer.add_tensor("q", blocks, raw_dtype=gguf.GGMLQuantizationType.Q5_1)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    found = hash_weights(tmp_path / "a.gguf").tensors
    for tensor in gguf.GGUFReader(tmp_path / "a.gguf").tensors:
        assert found[tensor.name].digest == hash_tensor(np.asarray(tensor.data))
        assert found[tensor.name].shape == tuple(int(size) for size in reversed(tensor.shape))


def test_types_of_gguf_are_those_of_its_own_package(gguf):
    sizes = {kind.value: (kind.name, *size) for kind, size in gguf.constants.GGML_QUANT_SIZES.items()}
    assert {kind: entry for kind, entry in _TYPES.items() if kind in sizes} == {
        k: sizes[k] for k in _TYPES if k in sizes
    }
