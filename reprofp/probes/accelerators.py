"""Accelerators of makers other than NVIDIA, as the kernel lists them: named, and for AMD with their architecture.

For each device ``other.<i>``, in the order of their places on the bus:

- ``vendor``: amd, intel, apple, habana, or the number that PCI gives the maker; ``pci_id``: the model's number.
- ``driver``: the kernel's driver, from ``uevent`` of the device below /sys/class/drm and /sys/class/accel.
- ``architecture`` ("gfx942") and ``compute_units`` of AMD's: gfx_target_version, simd_count and simd_per_cu of the
  nodes below /sys/class/kfd (include/uapi/linux/kfd_sysfs.h of Linux).

What their own libraries would tell (firmware, memory, modes) is not asked: ``count`` and ``device`` are then Unknown.
Display adapters of servers and virtual machines (ASPEED, Matrox, virtio, QEMU) are no accelerators.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from reprofp.model.observations import ABSENT, Observation, Observed
from reprofp.probes.base import Context, Report
from reprofp.probes.machine import try_text

__all__ = ["add_accelerators", "has_accelerators"]

_VENDORS = {"0x1002": "amd", "0x8086": "intel", "0x106b": "apple", "0x1da3": "habana", "0x1e52": "tenstorrent"}
_DRIVERS = {"amdgpu": "amd", "i915": "intel", "xe": "intel", "asahi": "apple", "habanalabs": "habana"}
_CARD = re.compile(r"card\d+|accel\d+")


class _Card(NamedTuple):
    place: str
    vendor: str
    driver: str | None
    pci_id: str | None


def has_accelerators(context: Context) -> bool:
    """Whether the kernel lists any."""
    return bool(_list_cards(context) or _list_nodes(context))


def add_accelerators(report: Report, context: Context) -> None:
    """Name each; devices that only AMD's compute driver lists have no card."""
    nodes = _list_nodes(context)
    cards = _list_cards(context)
    amd = [card for card in cards if card.vendor == "amd"]
    cards += [_Card("", "amd", "amdgpu", None) for _ in range(len(nodes) - len(amd))]
    remaining = iter(nodes)
    if not cards:
        report.add("other", fact=ABSENT)
    for index, card in enumerate(cards):
        facts = {"vendor": card.vendor, "driver": card.driver, "pci_id": card.pci_id}
        for name, value in facts.items():
            report.add("other", str(index), name, fact=ABSENT if value is None else Observed(value))
        if card.vendor == "amd":
            _add_node(report, index, next(remaining, {}))


def _add_node(report: Report, index: int, node: Mapping[str, int]) -> None:
    version, units = node.get("gfx_target_version"), node.get("simd_per_cu") or 0
    facts: dict[str, Observation] = {
        "architecture": ABSENT if not version else Observed(_name_architecture(version)),
        "compute_units": Observed(node["simd_count"] // units) if units else ABSENT,
    }
    for name, fact in facts.items():
        report.add("other", str(index), name, fact=fact)


def _name_architecture(version: int) -> str:
    """90402 is gfx942: major, minor and stepping, of which the last two are hexadecimal digits."""
    return f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}"


def _list_cards(context: Context) -> list[_Card]:
    cards: dict[str, _Card] = {}
    for folder in ("class/drm", "class/accel"):
        for entry in _list(context.sys / folder):
            if _CARD.fullmatch(entry.name) and (card := _read_card(entry / "device")) is not None:
                cards.setdefault(card.place or entry.name, card)
    return [cards[place] for place in sorted(cards)]


def _read_card(device: Path) -> _Card | None:
    fields = dict(line.partition("=")[::2] for line in (try_text(device / "uevent") or "").splitlines())
    vendor, driver = (try_text(device / "vendor") or "").lower(), fields.get("DRIVER")
    maker = _VENDORS.get(vendor) or _DRIVERS.get(driver or "")
    if maker is None and "/accel/" not in f"{device}/":
        return None
    return _Card(fields.get("PCI_SLOT_NAME", ""), maker or vendor or "unknown", driver, fields.get("PCI_ID"))


def _list_nodes(context: Context) -> list[dict[str, int]]:
    """List the nodes of AMD's compute driver that compute: the processor's have no SIMD units."""
    folders = _list(context.sys / "class/kfd/kfd/topology/nodes")
    nodes = (_read_node(folder) for folder in sorted(folders, key=lambda folder: (len(folder.name), folder.name)))
    return [node for node in nodes if node.get("simd_count")]


def _read_node(folder: Path) -> dict[str, int]:
    lines = (try_text(folder / "properties") or "").splitlines()
    return {name: int(text) for name, text in _split(lines) if text.isdecimal()}


def _split(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, _, text = line.partition(" ")
        yield name, text.strip()


def _list(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
