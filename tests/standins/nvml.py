"""Builds the stand-in of NVIDIA's management library, and asks probes about it in a process of their own.

nvidia-ml-py keeps the library that it opened first for ever, and answers of the stand-in come from the
environment: each question needs a new process. It opens the library by name, as on a machine with a driver.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_SOURCE = Path(__file__).with_name("nvml.c")
_NAME = "libnvidia-ml.so.1"

_ASK = """
import json, sys
from importlib import import_module
from reprofp.model.observations import Observed, Unknown
from reprofp.probes.base import Context

def pack(fact):
    if isinstance(fact, Observed):
        return fact.value
    return {"unknown": fact.code.value} if isinstance(fact, Unknown) else "absent"

module, name = sys.argv[1:3]
probe = getattr(import_module(f"reprofp.probes.{module}"), name)()
report, again = probe.observe(Context()), probe.observe(Context())
assert report.facts == again.facts
facts = {".".join(path): pack(fact) for path, fact in report.facts.items()}
print(json.dumps({"facts": facts, "circumstances": report.circumstances, "imported": "pynvml" in sys.modules}))
"""


def compile_shared(compiler, source, target, *options):
    """Compile one C file into a shared library."""
    command = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", *options, "-o", target, source]
    subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
    return target


def find_compiler():
    """Return the system's C compiler, or skip the test where it has none."""
    compiler = shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler to build the stand-in with")
    return compiler


def build_nvml(folder):
    """Build the stand-in below ``folder`` and return the folder that it lies in."""
    folder.mkdir(parents=True, exist_ok=True)
    compile_shared(find_compiler(), _SOURCE, folder / _NAME, f"-Wl,-soname,{_NAME}")
    return folder


def ask_probe(module, probe, /, *, library=None, script=_ASK, **answers):
    """Return what a probe of this machine sees when NVML is the stand-in in ``library``, or as it is."""
    environ = {**os.environ, **{f"STAND_IN_{key.upper()}": str(value) for key, value in answers.items()}}
    if library is not None:
        environ["LD_LIBRARY_PATH"] = str(library)
    command = [sys.executable, "-c", script, module, probe]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
