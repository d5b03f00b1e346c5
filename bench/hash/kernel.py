"""How fast is the BLAKE3 kernel alone, beside the blake3 package on one input of 64 KiB?

    python bench/hash/kernel.py [--rounds 9]

Hashes data that lies in the second-level cache, on one thread: batches of equal inputs, and single ones from 64 KiB on,
at each level that the processor has. Sides alternate; printed are medians of processor time as GB/s, and the median
ratio to the package's rate on 64 KiB in the same round.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import blake3
from reprofp._core._native import ffi, lib

KIB = 1024
SIZES = (64, 200, 512, KIB, 2 * KIB, 4 * KIB, 8 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, 1024 * KIB)
SPAN = 256 * KIB  # of input that one call hashes
LEAST_SECONDS = 0.004


def measure(call: Callable[[], object], hashed: int) -> float:
    """Return bytes per second of processor time."""
    calls, begin = 0, time.thread_time()
    while (spent := time.thread_time() - begin) < LEAST_SECONDS:
        call()
        calls += 1
    return calls * hashed / spent


def make_side(data: ffi.CData, size: int) -> tuple[Callable[[], object], int]:
    count = max(1, SPAN // size)
    if size >= 64 * KIB:
        digest = ffi.new("uint8_t[32]")
        return (lambda: lib.rfp_bytes_hash(data, size, digest)), size
    spans, digests = ffi.new("rfp_span[]", count), ffi.new("uint8_t[]", 32 * count)
    for i in range(count):
        spans[i].data, spans[i].bytes = data + i * size, size
    return (lambda: lib.rfp_batch_hash(spans, count, digests)), count * size


def run_level(data: ffi.CData, rounds: int) -> None:
    package = bytes(range(256)) * 256
    for size in SIZES:
        call, hashed = make_side(data, size)
        rates, ratios = [], []
        for _ in range(rounds):
            rates.append(measure(call, hashed))
            ratios.append(rates[-1] / measure(lambda: blake3.blake3(package).digest(), len(package)))
        print(f"  {size:9,} B {statistics.median(rates) / 1e9:8.2f} GB/s {statistics.median(ratios):8.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="rounds per size (default 9)")
    options = parser.parse_args()
    data = ffi.new("uint8_t[]", 1024 * KIB + 64)
    for level in range(lib.RFP_LEVEL_BEST):
        name = ffi.string(lib.rfp_blake3_level_name(level)).decode()
        if lib.rfp_blake3_force_level(level) != lib.RFP_OK:
            print(f"{name}: this build or processor lacks it")
            continue
        print(f"{name}: size, rate, ratio to the blake3 package on 64 KiB")
        run_level(data, options.rounds)
    lib.rfp_blake3_force_level(lib.RFP_LEVEL_BEST)


if __name__ == "__main__":
    main()
