"""Two OpenMP runtimes of the KMP family in one process: only the one that was started may be asked."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from standins.nvml import compile_shared, find_compiler

_SOURCE = """
#include <stdlib.h>
int registration; /* begins as zero, as in the real one: it lies behind what is mapped of the file */
static int started;
void __kmpc_fork_call(void) {}
void start(void) { started = 1; }
int omp_get_max_threads(void) { if (!started) abort(); return 7; }
int omp_get_dynamic(void) { return 0; }
"""

_ASK = """
import ctypes, json, os, sys
from reprofp._core import probing
from reprofp.probes import raw
first, second = map(ctypes.CDLL, sys.argv[1:3])
name = "__KMP_REGISTERED_LIB_%d" % os.getpid()
full = "%s_%d" % (name, os.getuid())
place, value = sys.argv[3], None
if place != "none":
    second.start()
    address = ctypes.addressof(ctypes.c_int.in_dll(second, "registration"))
    value = {"garbage": "garbage"}.get(place, "0x%x-cafe1234-libomp.so" % address)
if place.startswith("/"):
    with open(os.path.join(place, full), "x") as stream:
        stream.write(value)
elif value:
    ctypes.CDLL(None).setenv((name if place == "short" else full).encode(), value.encode(), 1)
try:
    told = [raw.collect()["thread_pools"], probing.loaded_thread_pools()]
finally:
    if place.startswith("/"):
        os.unlink(os.path.join(place, full))
print(json.dumps([sorted((pool["name"], pool["threads"]) for pool in pools if pool["api"] == "openmp") for pools in told]))
"""


@pytest.fixture(scope="module")
def runtimes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kmp")
    source = folder / "kmp.c"
    source.write_text(_SOURCE)
    return [compile_shared(find_compiler(), source, folder / name) for name in ("libiomp5.so", "libomp.so")]


@pytest.mark.parametrize(
    ("place", "threads"),
    [("/dev/shm", 7), ("/tmp", 7), ("environment", 7), ("short", 7), ("none", None), ("garbage", None)],
)
def test_only_the_copy_that_is_registered_is_asked(runtimes, place, threads):
    if place.startswith("/") and not Path(place).is_dir():
        pytest.skip(f"no {place} on this machine")
    done = subprocess.run([sys.executable, "-c", _ASK, *runtimes, place], capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    raw, native = json.loads(done.stdout)
    assert raw == native == [["libiomp5", None], ["libomp", threads]]
