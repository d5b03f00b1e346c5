"""Damaged copies of files of weights, from a seed: what tests and bench/faults/fuzz_readers.py feed to the readers."""

import io
import random
import zipfile

EXTREMES = [0, 1, 0x7F, 0x80, 0xFF, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1]


def mutate(data, rng):
    """Return a copy with a few faults."""
    damaged = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        rng.choice(FAULTS)(damaged, rng)
    return bytes(damaged)


def mutate_member(data, rng):
    """Return a copy of a ZIP file with faults in one member, under right checksums."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(made, "w") as new:
        names = old.namelist()
        chosen = next((name for name in names if name.endswith("data.pkl")), names[0])
        if rng.random() < 0.2:
            chosen = rng.choice(names)
        for info in old.infolist():
            content = read(old, info.filename)
            new.writestr(
                info.filename, mutate(content, rng) if info.filename == chosen else content, info.compress_type
            )
    return made.getvalue()


def read(file, name):
    with file.open(name) as member:
        member._expected_crc = None  # files without checksums are read, too
        return member.read()


def flip(data, rng):
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def replace(data, rng):
    if data:
        data[rng.randrange(len(data))] = rng.randrange(256)


def write_extreme(data, rng):
    width = rng.choice([1, 2, 4, 8])
    at = rng.randrange(max(1, len(data)))
    data[at : at + width] = (rng.choice(EXTREMES) % 2 ** (8 * width)).to_bytes(width, "little")


def cut(data, rng):
    at = rng.randrange(len(data) + 1)
    del data[at : at + rng.choice([1, 2, 8, 64, len(data)])]


def repeat(data, rng):
    at = rng.randrange(len(data) + 1)
    data[at:at] = data[at : at + rng.choice([1, 4, 16, 256])]


def move(data, rng):
    at, to, size = rng.randrange(len(data) + 1), rng.randrange(len(data) + 1), rng.choice([4, 16, 64])
    data[to : to + size] = data[at : at + size]


FAULTS = [flip, flip, replace, write_extreme, write_extreme, cut, repeat, move]


def make_rng(name, seed):
    return random.Random(f"{name} {seed}")
