"""Write vectors/weights.json with the blake3, msgpack and standard packages: nothing of reprofp.

    python3 -m pip install blake3==1.0.11 msgpack==1.1.2
    python3 tests/datasets/make_weights_vectors.py > tests/datasets/vectors/weights.json

``file`` is the whole safetensors file in hexadecimal; ``digest`` is that of meaning.
"""

import json
import struct
import sys

import blake3
import msgpack

CONTEXT = "reprofp 2026-11-21 blake3-tensors digest of named tensors"
FLOATS = struct.pack("<6f", 0.0, -0.0, 1.5, -2.25, 3e38, 1e-45)
# Name, dtype, shape, bytes: in the order of the file.
WEIGHTS = {
    "two tensors": [("weight", "F32", [2, 3], FLOATS), ("bias", "F32", [2], FLOATS[8:16])],
    "the other order": [("bias", "F32", [2], FLOATS[8:16]), ("weight", "F32", [2, 3], FLOATS)],
    "another shape": [("weight", "F32", [3, 2], FLOATS), ("bias", "F32", [2], FLOATS[8:16])],
    "another dtype": [("weight", "I32", [2, 3], FLOATS), ("bias", "F32", [2], FLOATS[8:16])],
    "another name": [("weights", "F32", [2, 3], FLOATS), ("bias", "F32", [2], FLOATS[8:16])],
    "nothing": [],
    "a scalar and an empty one": [("\u00e9", "BF16", [], b"\x80\x3f"), ("e", "U8", [0, 7], b"")],
}


def make_file(tensors: list[tuple], metadata: dict[str, str] | None = None) -> bytes:
    header: dict[str, object] = {} if metadata is None else {"__metadata__": metadata}
    data = b""
    for name, dtype, shape, content in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def digest_meaning(tensors: list[tuple]) -> str:
    items = [
        [name, dtype, shape, blake3.blake3(content).digest()]
        for name, dtype, shape, content in sorted(tensors, key=lambda tensor: tensor[0].encode())
    ]
    value = blake3.blake3(msgpack.packb(items), derive_key_context=CONTEXT).hexdigest()
    return f"blake3-tensors:{value}"


def make_vector(name: str, tensors: list[tuple]) -> dict[str, object]:
    file = make_file(tensors, {"made": "for a test"} if "order" in name else None)
    return {
        "name": name,
        "file": file.hex(),
        "file_digest": f"blake3:{blake3.blake3(file).hexdigest()}",
        "tensors": {t[0]: [t[1], t[2], f"blake3:{blake3.blake3(t[3]).hexdigest()}"] for t in tensors},
        "digest": digest_meaning(tensors),
    }


def main() -> None:
    vectors = [make_vector(name, tensors) for name, tensors in WEIGHTS.items()]
    document = {"made by": "tests/datasets/make_weights_vectors.py", "context": CONTEXT, "weights": vectors}
    sys.stdout.write(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
