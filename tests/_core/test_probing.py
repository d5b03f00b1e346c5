"""The native probes as Python sees them."""

import ctypes
import os
import platform
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprofp._core.probing import (
    cpuid,
    environ,
    floating_point_state,
    known_features,
    library_name,
    loaded_thread_pools,
)

x86 = pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="only x86 has CPUID and MXCSR")


@x86
def test_cpuid_tells_who_the_processor_is():
    found = cpuid()
    assert found == cpuid()
    assert len(found["vendor"]) == 12
    assert {"sse", "sse2"} <= set(found["features"]) <= known_features()
    assert found["features"] == sorted(found["features"])
    assert all(size > 0 for size in found["caches"].values())


@pytest.mark.skipif(platform.machine() in ("x86_64", "AMD64", "i686"), reason="x86 has CPUID")
def test_other_processors_have_none():
    assert cpuid() == {}


def test_the_real_environ_has_what_native_code_changed():
    """os.putenv goes past os.environ, as setenv of a library does."""
    name = "REPROFP_TEST_BEHIND"
    os.putenv(name, "é".encode())
    try:
        assert name not in os.environ
        assert environ()[name.encode()] == "é".encode()
    finally:
        os.unsetenv(name)
    assert name.encode() not in environ()


def test_the_real_environ_and_pythons_agree():
    assert {name: value for name, value in environ().items() if name in os.environb} == dict(os.environb)


def test_odd_entries_of_the_environ():
    """The first of two counts, as for getenv; what has no equals sign is no variable."""
    script = "from reprofp._core.probing import environ; print(environ())"
    start = (
        "import os, sys; os.execve(sys.executable, [sys.executable, '-c', sys.argv[1]], {b'A': b'x=y', b'EMPTY': b''})"
    )
    done = subprocess.run([sys.executable, "-c", start, script], capture_output=True, text=True, check=True, timeout=60)
    assert "b'A': b'x=y'" in done.stdout
    assert "b'EMPTY': b''" in done.stdout


@x86
def test_the_state_is_the_calling_threads():
    libm = ctypes.CDLL("libm.so.6")
    upward = 0x800
    before = floating_point_state()
    assert before["mxcsr"] & 0x3F == 0
    seen = []

    def look():
        libm.fesetround(upward)
        seen.append(floating_point_state())
        libm.fesetround(0)

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen[0]["rounding"] == "upward"
    assert floating_point_state() == before
    assert before["rounding"] == "nearest"


def test_thread_pools_are_plain_values():
    for pool in loaded_thread_pools():
        assert set(pool) == {"api", "name", "threads", "dynamic", "version", "core", "layer"}
        assert "/" not in pool["name"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/a/numpy.libs/libscipy_openblas64_-32a4b2a6.so", "libscipy_openblas64_"),
        ("libgomp-24e2ab19.so.1.0.0", "libgomp"),
        ("/usr/lib/libgomp.so.1", "libgomp"),
        ("libopenblasp-r0.3.21.so", "libopenblasp"),
        ("libquadmath-96973f99-934c22de.so.0.0.0", "libquadmath"),
        ("libmkl_rt.so.2", "libmkl_rt"),
        ("libiomp5.so", "libiomp5"),
        ("libc-2.31.so", "libc"),
        (".so", ".so"),
        ("", ""),
    ],
)
def test_names_of_libraries(path, name):
    assert library_name(path) == name


@given(st.text())
def test_naming_twice_is_naming_once(path):
    assert library_name(library_name(path)) == library_name(path)
