"""/proc/cpuinfo: one block of ``key : value`` lines for each processor, in each architecture's own words.

Sources: show_cpuinfo in arch/x86/kernel/cpu/proc.c, arch/arm64/kernel/cpuinfo.c and arch/arm/kernel/setup.c of
Linux; implementers' and parts' numbers: MIDR_EL1 in the Arm Architecture Reference Manual.
"""

from __future__ import annotations

from reprofp.probes.base import Context
from reprofp.probes.machine import read_text

__all__ = ["IMPLEMENTERS", "read_first_processor", "read_processors"]

_HEAD = 1 << 13
"""Holds the first block; the kernel makes the text while it is read, so what is not read costs nothing."""
_WHOLE = 1 << 24

IMPLEMENTERS = {
    0x41: "ARM",
    0x42: "Broadcom",
    0x43: "Cavium",
    0x46: "Fujitsu",
    0x48: "HiSilicon",
    0x4E: "NVIDIA",
    0x50: "APM",
    0x51: "Qualcomm",
    0x53: "Samsung",
    0x61: "Apple",
    0x6D: "Microsoft",
    0xC0: "Ampere",
}


def read_processors(context: Context) -> list[dict[str, str]]:
    """Return the blocks of all processors (what stands outside of blocks is left out); empty if unreadable."""
    return [block for block in _read_blocks(context, _WHOLE) if "processor" in block]


def read_first_processor(context: Context) -> dict[str, str]:
    """Return the block of the first processor, without asking for the others."""
    return next((block for block in _read_blocks(context, _HEAD) if "processor" in block), {})


def _read_blocks(context: Context, limit: int) -> list[dict[str, str]]:
    try:
        text = read_text(context.proc / "cpuinfo", limit, whole=False)
    except (OSError, ValueError):
        return []
    return [_read_block(block) for block in text.split("\n\n")]


def _read_block(text: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in text.splitlines())
    return {key.strip(): value.strip() for key, colon, value in pairs if colon}
