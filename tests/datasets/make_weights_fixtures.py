"""Write fixtures/ with the libraries that people save weights with, and what is in them by those libraries' own word.

    python3 -m pip install torch==2.13.0 numpy safetensors h5py gguf==0.19.0 keras==3.15.1 blake3 msgpack
    KERAS_BACKEND=torch python3 tests/datasets/make_weights_fixtures.py tests/datasets/fixtures

Nothing of reprofp is used. ``expected.json`` has for each file its format, and the digest of each tensor and of all;
an opaque file has a part of the remark instead. Files are not the same bytes when they are made again: ZIP and HDF5
files hold times and serial numbers.
"""

import hashlib
import json
import os
import sys
import warnings
from collections import OrderedDict
from pathlib import Path

import blake3
import gguf
import h5py
import keras
import msgpack
import numpy as np
import torch

CONTEXT = "reprofp 2026-11-21 blake3-tensors digest of named tensors"
TORCH_NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.complex128: "C128",
    torch.complex64: "C64",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint64: "U64",
    torch.uint32: "U32",
    torch.uint16: "U16",
    torch.uint8: "U8",
    torch.bool: "BOOL",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
    torch.float8_e4m3fnuz: "F8_E4M3FNUZ",
    torch.float8_e5m2fnuz: "F8_E5M2FNUZ",
    torch.float8_e8m0fnu: "F8_E8M0",
}
NUMPY_NAMES = {"f8": "F64", "f4": "F32", "f2": "F16", "i8": "I64", "i4": "I32", "i2": "I16", "u1": "U8", "b1": "BOOL"}


class Attack:
    def __reduce__(self):
        return os.system, ("touch executed",)


def numbers(*shape):
    """Return numbers that are the same everywhere, without a generator."""
    count = int(np.prod(shape))
    raw = b"".join(hashlib.sha256(i.to_bytes(4, "little")).digest() for i in range(count // 8 + 1))
    return (np.frombuffer(raw, dtype="<u4")[:count].reshape(shape) / 2.0**31 - 1).astype(np.float32)


def describe_torch(tensor):
    tensor = tensor.detach().resolve_conj().contiguous()
    raw = (
        tensor.view(torch.uint8).numpy().tobytes()
        if tensor.dim()
        else tensor.reshape(1).view(torch.uint8).numpy().tobytes()
    )
    return [TORCH_NAMES[tensor.dtype], list(tensor.shape), blake3.blake3(raw).hexdigest()]


def describe_numpy(array):
    little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"))
    return [NUMPY_NAMES[array.dtype.str[1:]], list(array.shape), blake3.blake3(little.tobytes()).hexdigest()]


def describe(value):
    return describe_torch(value) if isinstance(value, torch.Tensor) else describe_numpy(np.asarray(value))


def entry(form, tensors):
    rows = [[name, *tensors[name][:2], bytes.fromhex(tensors[name][2])] for name in sorted(tensors, key=str.encode)]
    digest = blake3.blake3(msgpack.packb(rows), derive_key_context=CONTEXT).hexdigest()
    return {"format": form, "tensors": tensors, "digest": f"blake3-tensors:{digest}"}


def every_type():
    base = torch.from_numpy(numbers(20, 30))
    state = OrderedDict((f"types.{str(dtype)[6:]}", (base[:3, :4] * 4).abs().to(dtype)) for dtype in TORCH_NAMES)
    state["transposed"] = base.t()
    state["sliced"] = base[3:9, ::2]
    state["expanded"] = base[:1].expand(5, 30)
    state["base"] = base
    state["tied"] = base
    state["scalar"] = torch.tensor(2.5)
    state["empty"] = torch.zeros(0, 3)
    state["parameter"] = torch.nn.Parameter(base[:2].clone())
    return state


def training():
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.BatchNorm1d(5))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.from_numpy(numbers(3, 4))).sum().backward()
    optimizer.step()
    return model, {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "name": "a run"}


def flatten(value, prefix=""):
    if isinstance(value, (torch.Tensor, np.ndarray)):
        return {prefix: describe(value)}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else []
    found = {}
    for key, item in items:
        found |= flatten(item, f"{prefix}.{key}" if prefix else str(key))
    return found


def make_torch(folder):
    state, (model, checkpoint) = every_type(), training()
    arrays = {
        "c": numbers(3, 4),
        "f": np.asfortranarray(numbers(3, 4)),
        "big": numbers(5).astype(">f8"),
        "t": torch.ones(2),
    }
    saved = {"torch-state.pt": state, "torch-training.pt": checkpoint, "torch-numpy.pt": arrays}
    for name, value in saved.items():
        torch.save(value, folder / name)
    torch.save({"arrays": arrays, "state": state}, folder / "torch-protocol5.pt", pickle_protocol=5)
    torch.serialization.set_crc32_options(False)
    torch.save(state, folder / "torch-without-checksums.pt")
    torch.serialization.set_crc32_options(True)
    torch.save(model.state_dict(), folder / "torch-legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(model, folder / "torch-model.pt")
    torch.jit.script(model).save(folder / "torch-script.pt")
    torch.save(torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.quint8), folder / "torch-quantized.pt")
    torch.save({"a": torch.ones(3, dtype=torch.complex64).conj()}, folder / "torch-conjugated.pt")
    torch.save({"epoch": 1}, folder / "torch-nothing.pt")
    torch.save({"a": torch.ones(3), "b": Attack()}, folder / "torch-attack.pt")
    return {
        **{name: entry("torch", flatten(value)) for name, value in saved.items()},
        "torch-protocol5.pt": entry("torch", flatten({"arrays": arrays, "state": state})),
        "torch-without-checksums.pt": entry("torch", flatten(state)),
        "torch-legacy.pt": {"format": "opaque", "remark": "before PyTorch 1.6"},
        "torch-model.pt": {"format": "opaque", "remark": "torch.nn.modules.container.Sequential"},
        "torch-script.pt": {"format": "opaque", "remark": "__torch__"},
        "torch-quantized.pt": {"format": "opaque", "remark": "_rebuild_qtensor"},
        "torch-conjugated.pt": {"format": "opaque", "remark": "_rebuild_tensor_v2"},
        "torch-nothing.pt": {"format": "opaque", "remark": "holds no tensors"},
        "torch-attack.pt": {"refused": "posix.system"},
    }


def make_gguf(folder):
    writer = gguf.GGUFWriter(folder / "model.gguf", "llama")
    writer.add_block_count(2)
    writer.add_array("tokenizer.ggml.tokens", ["<s>", "a", "\u00e9"])
    writer.add_array("tokenizer.ggml.scores", [0.0, -1.5, 2.0])
    tensors = {"f32": numbers(3, 5), "f16": numbers(7).astype(np.float16)}
    found = {name: describe_numpy(array) for name, array in tensors.items()}
    for name, array in tensors.items():
        writer.add_tensor(name, array)
    for kind in (gguf.GGMLQuantizationType.Q8_0, gguf.GGMLQuantizationType.Q4_0):
        blocks = gguf.quants.quantize(numbers(2, 64), kind)
        writer.add_tensor(kind.name.lower(), blocks, raw_dtype=kind)
        found[kind.name.lower()] = [kind.name, [2, 64], blake3.blake3(blocks.tobytes()).hexdigest()]
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return {"model.gguf": entry("gguf", found)}


def make_hdf5(folder):
    arrays = {
        "group/plain": numbers(30, 7),
        "packed": numbers(40, 9),
        "big": numbers(5).astype(">f8"),
        "scalar": np.float64(3),
    }
    with h5py.File(folder / "arrays.h5", "w") as file:
        for name, array in arrays.items():
            file[name] = array
        del file["packed"]
        file.create_dataset("packed", data=arrays["packed"], chunks=(7, 4), compression="gzip", shuffle=True)
        file.attrs["names"] = ["a", "b"]
        file["again"] = file["packed"]
    arrays["again"] = arrays["packed"]
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(2)])
    model.save(folder / "model.keras")
    model.save_weights(folder / "model.weights.h5")
    found = {}
    with h5py.File(folder / "model.weights.h5") as file:
        file.visititems(
            lambda path, item: (
                found.update({path: describe_numpy(item[()])}) if isinstance(item, h5py.Dataset) else None
            )
        )
    return {
        "arrays.h5": entry("hdf5", {name: describe(array) for name, array in arrays.items()}),
        "model.weights.h5": entry("hdf5", found),
        "model.keras": entry("keras", found),
    }


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(exist_ok=True)
    warnings.simplefilter("ignore")
    expected = {**make_torch(folder), **make_gguf(folder), **make_hdf5(folder)}
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
