import os
import sys

import pytest

from reprofp.errors import InputError
from reprofp.numerics import BACKENDS, find_library, measure_elsewhere, measure_here


def test_the_library_of_the_kernels_is_installed():
    assert find_library().is_file()


def test_this_process_and_another_agree_on_the_c_library():
    elsewhere = measure_elsewhere(["libm"])["backends"]["libm"]
    assert measure_here()["backends"]["libm"] == elsewhere


def test_an_interpreter_without_a_framework(tmp_path):
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    python.chmod(0o700)
    with pytest.raises(InputError, match=r"numpy cannot be measured: .* No module named 'numpy'"):
        measure_elsewhere(["numpy"], python=python)


def test_an_interpreter_that_cannot_be_run(tmp_path):
    with pytest.raises(InputError, match="cannot be run: No such file"):
        measure_elsewhere(["libm"], python=tmp_path / "none")


@pytest.mark.parametrize("program", ["#!/bin/sh\nexit 3\n", "#!/bin/sh\necho '[1]'\n", "#!/bin/sh\necho words\n"])
def test_an_interpreter_that_answers_something_else(tmp_path, program):
    python = tmp_path / "python"
    python.write_text(program)
    python.chmod(0o700)
    found = measure_elsewhere(["libm"], python=python)["backends"]
    assert found["libm"][""]["error"] == "failed"


def test_settings_of_the_environment_are_in_force():
    plain = measure_elsewhere(["numpy"])["backends"]["numpy"]
    environ = {
        **os.environ,
        "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512_SKX X86_V3 X86_V4",
        "OMP_NUM_THREADS": "1",
    }
    capped = measure_elsewhere(["numpy"], environ=environ)["backends"]["numpy"]
    assert plain.keys() == capped.keys()
    assert all("class" in entry for entry in capped.values())


def test_backends_have_one_name_each():
    assert len(set(BACKENDS)) == len(BACKENDS)
