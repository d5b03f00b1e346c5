"""Write vectors/sequences.json with the blake3, msgpack and standard packages: nothing of reprofp.

    python3 -m pip install blake3==1.0.11 msgpack==1.1.2
    python3 tests/datasets/make_sequence_vectors.py > tests/datasets/vectors/sequences.json

In ``items``, {"bytes": hex} stands for bytes and {"int": text} for an integer that JSON readers may not hold.
"""

import json
import struct
import sys

import blake3
import msgpack

CONTEXT = "reprofp 2026-11-21 blake3-sequence digest of an order"
# Runs as the format cuts them: 64-bit integers, or the canonical bytes of everything else.
SEQUENCES = {
    "nothing": [],
    "integers": [("i", [3, 1, 2, 0])],
    "another order": [("i", [0, 1, 2, 3])],
    "limits of 64 bits": [("i", [-(2**63), -1, 0, 2**63 - 1])],
    "an integer as a text": [("o", ["3", "1", "2", "0"])],
    "large integers": [("o", [2**63, 2**64 - 1, {"$": "int", "v": str(2**64)}, {"$": "int", "v": str(-(2**63) - 1)}])],
    "texts": [("o", ["a", "", "\u00e9", "x" * 40])],
    "bytes": [("o", [b"a", b"", b"\xff" * 300])],
    "tuples": [("o", [[0, "a"], [1, b"b", [2**64 - 1]], []])],
    "runs": [("i", [1, 2]), ("o", ["a", b"b"]), ("i", [3]), ("o", [[4]])],
}
PLAIN = {"large integers": [2**63, 2**64 - 1, 2**64, -(2**63) - 1]}


def hash_run(kind, items):
    data = struct.pack(f"<{len(items)}q", *items) if kind == "i" else b"".join(msgpack.packb(item) for item in items)
    return kind.encode() + struct.pack("<Q", len(items)) + blake3.blake3(data).digest()


def show(item):
    if isinstance(item, list):
        return [show(part) for part in item]
    if isinstance(item, bytes):
        return {"bytes": item.hex()}
    return {"int": str(item)} if isinstance(item, int) and abs(item) >= 2**53 else item


def make_vector(name, runs):
    hashed = b"".join(hash_run(*run) for run in runs)
    digest = blake3.blake3(hashed, derive_key_context=CONTEXT).hexdigest()
    items = PLAIN.get(name, [item for _, run in runs for item in run])
    return {"name": name, "items": show(items), "hashed": hashed.hex(), "digest": f"blake3-sequence:{digest}"}


def main():
    vectors = [make_vector(name, runs) for name, runs in SEQUENCES.items()]
    document = {"made by": "tests/datasets/make_sequence_vectors.py", "context": CONTEXT, "sequences": vectors}
    sys.stdout.write(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
