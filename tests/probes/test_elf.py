"""Identities of ELF files: real ones, made ones, and damaged ones."""

import struct
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprofp._core import _native
from reprofp.probes.elf import ElfIdentity, read_elf
from standins.nvml import compile_shared, find_compiler

BUILD_ID = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("elf")
    (folder / "a.c").write_text("int answer(void); int answer(void) { return 42; }")
    options = (f"-Wl,--build-id=0x{BUILD_ID}", "-Wl,-soname,libanswer.so.7")
    return compile_shared(find_compiler(), folder / "a.c", folder / "libanswer.so.7.1", *options)


def test_a_library(library):
    assert read_elf(library) == ElfIdentity(BUILD_ID, "libanswer.so.7")


def test_a_library_without_either(library, tmp_path):
    source = library.parent / "a.c"
    bare = compile_shared(find_compiler(), source, tmp_path / "bare.so", "-Wl,--build-id=none", "-nostdlib")
    assert read_elf(bare) == ElfIdentity(None, None)


def test_it_reads_what_readelf_reads():
    tool = subprocess.run(["readelf", "-n", _native.__file__], capture_output=True, text=True, check=False)
    if tool.returncode:
        pytest.skip("no readelf on this machine")
    identity = read_elf(_native.__file__)
    assert (f"Build ID: {identity.build_id}" in tool.stdout) == (identity.build_id is not None)


def make_elf(width, order, notes):
    """A file with one header, one program header and its notes."""
    header = {
        32: struct.pack(order + "HHIIIIIHHHHHH", 3, 40, 1, 0, 52, 0, 0, 52, 32, 1, 0, 0, 0),
        64: struct.pack(order + "HHIQQQIHHHHHH", 3, 21, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0),
    }[width]
    start = {32: 52 + 32, 64: 64 + 56}[width]
    segment = {
        32: struct.pack(order + "IIIIIIII", 4, start, 0, 0, len(notes), len(notes), 4, 4),
        64: struct.pack(order + "IIQQQQQQ", 4, 4, start, 0, 0, len(notes), len(notes), 4),
    }[width]
    ident = b"\x7fELF" + bytes([width // 32, {"<": 1, ">": 2}[order], 1]) + bytes(9)
    return ident + header + segment + notes


def make_note(order, name, kind, content):
    head = struct.pack(order + "III", len(name), len(content), kind)
    return head + name.ljust(-(-len(name) // 4) * 4, b"\0") + content.ljust(-(-len(content) // 4) * 4, b"\0")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("width", [32, 64])
def test_every_class_and_byte_order(tmp_path, width, order):
    others = make_note(order, b"GNU\0", 1, bytes(16)) + make_note(order, b"Linux\0", 3, b"odd")
    notes = others + make_note(order, b"GNU\0", 3, bytes.fromhex(BUILD_ID))
    path = tmp_path / "made"
    path.write_bytes(make_elf(width, order, notes))
    assert read_elf(path) == ElfIdentity(BUILD_ID, None)


@pytest.mark.parametrize("size", [0, 65, 0xFFFFFFFF])
def test_an_identity_of_an_impossible_size_is_none(tmp_path, size):
    path = tmp_path / "made"
    note = struct.pack("<III", 4, size, 3) + b"GNU\0" + bytes(80)
    path.write_bytes(make_elf(64, "<", note))
    assert read_elf(path).build_id is None


@pytest.mark.parametrize(
    "data", [b"", b"\x7fELF", b"#!/bin/sh\n", b"\x7fELF\x03\x01" + bytes(60), b"\x7fELF\x02\x03" + bytes(60)]
)
def test_what_is_no_elf_file(tmp_path, data):
    path = tmp_path / "other"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="not an ELF file"):
        read_elf(path)


def test_a_folder_and_a_missing_file(tmp_path):
    with pytest.raises(ValueError, match="no regular file"):
        read_elf(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_elf(tmp_path / "missing")


@pytest.mark.parametrize("at", [32, 54, 56])
def test_impossible_program_headers(library, tmp_path, at):
    data = bytearray(library.read_bytes())
    data[at : at + 2] = b"\xff\xff"
    if at == 32:
        data[32:40] = b"\xff" * 8
    if at == 54:
        data[54:56] = b"\x01\x00"
    path = tmp_path / "damaged"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="ELF file"):
        read_elf(path)


@given(st.data())
def test_damage_never_does_more_than_raise(library, tmp_path_factory, data):
    whole = bytearray(library.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, 1023))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "file"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        identity = read_elf(path)
    except ValueError:
        return
    assert identity.build_id is None or len(identity.build_id) <= 128
    assert identity.soname is None or len(identity.soname) <= 4096


def test_the_interpreter_is_one():
    assert read_elf(sys.executable).soname is None
