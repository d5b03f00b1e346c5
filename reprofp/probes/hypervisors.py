"""Which hypervisor a machine runs under, in the words of systemd-detect-virt(1).

Guaranteed: Absent only where something proves it: CPUID without the hypervisor bit, flags in /proc/cpuinfo
without it, or a device tree without a hypervisor node.
"""

from __future__ import annotations

from reprofp._core.probing import cpuid
from reprofp.model.observations import ABSENT, Observation, Observed
from reprofp.probes.base import Context
from reprofp.probes.machine import FAILED, is_live, try_text
from reprofp.probes.processors import read_processors

__all__ = ["observe_hypervisor"]

_SIGNATURES = {
    "KVMKVMKVM": "kvm",
    "Linux KVM Hv": "kvm",
    "TCGTCGTCGTCG": "qemu",
    "VMwareVMware": "vmware",
    "Microsoft Hv": "microsoft",
    "XenVMMXenVMM": "xen",
    "VBoxVBoxVBox": "oracle",
    "bhyve bhyve ": "bhyve",
    "ACRNACRNACRN": "acrn",
    "QNXQVMBSQG": "qnx",
    " lrpepyh  vr": "parallels",
    "SRESRESRESRE": "sre",
}

_FIRMWARE = (
    ("OpenStack", "kvm"),
    ("KubeVirt", "kvm"),
    ("KVM", "kvm"),
    ("Amazon EC2", "amazon"),
    ("Google Compute Engine", "google"),
    ("QEMU", "qemu"),
    ("VMware", "vmware"),
    ("VMW", "vmware"),
    ("innotek GmbH", "oracle"),
    ("VirtualBox", "oracle"),
    ("Xen", "xen"),
    ("Bochs", "bochs"),
    ("Parallels", "parallels"),
    ("BHYVE", "bhyve"),
    ("Hyper-V", "microsoft"),
    ("Virtual Machine", "microsoft"),
    ("Apple Virtualization", "apple"),
)
_FIRMWARE_FILES = ("product_name", "sys_vendor", "board_vendor", "bios_vendor", "product_version")
_BARE_METAL = ".metal"
"""Amazon's firmware has one vendor's name for guests and for whole machines, whose products end so."""


def observe_hypervisor(context: Context) -> Observation:
    """Observe the hypervisor's name, Absent on bare metal, Unknown where nothing tells."""
    processor = cpuid() if is_live(context) else {}
    if processor:
        return _name_signature(processor["hypervisor"])
    named = try_text(context.sys / "hypervisor/type") or _ask_firmware(context) or _ask_device_tree(context)
    if named == "none":
        return ABSENT
    return Observed(named) if named else _ask_flags(context)


def _name_signature(signature: str | None) -> Observation:
    if signature is None:
        return ABSENT
    return Observed(_SIGNATURES.get(signature, signature.strip() or "other"))


def _ask_firmware(context: Context) -> str | None:
    texts = [text for name in _FIRMWARE_FILES if (text := try_text(context.sys / "class/dmi/id" / name))]
    if texts and texts[0].endswith(_BARE_METAL):
        return "none"
    return next((name for words, name in _FIRMWARE for text in texts if text.startswith(words)), None)


def _ask_device_tree(context: Context) -> str | None:
    """The node's form: Documentation/devicetree/bindings/arm/xen.txt; KVM's guests have "linux,kvm"."""
    tree = context.proc / "device-tree"
    compatible = try_text(tree / "hypervisor/compatible")
    if compatible is None:
        return "none" if try_text(tree / "model") else None
    return {"linux,kvm": "kvm", "xen": "xen", "vmware": "vmware"}.get(compatible.split(",xen")[0], "other")


def _ask_flags(context: Context) -> Observation:
    """Only x86 has a flag for it; it does not tell which."""
    flags = next((block["flags"].split() for block in read_processors(context) if "flags" in block), None)
    if flags is None:
        return FAILED
    return Observed("other") if "hypervisor" in flags else ABSENT
