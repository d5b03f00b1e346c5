"""Whether torch may have read files unheard: told by the sources of what is loaded."""

from dataclasses import replace

import pytest

from reprofp.model.observations import ABSENT, Unknown, UnknownCode
from reprofp.model.schema import Phase
from reprofp.probes.datasets import DatasetsProbe
from reprofp.probes.native_readers import may_read_unheard

AUDIT = {"opens": [], "listings": [], "connects": {}, "subprocesses": {}, "dlopens": {}, "truncated": False}
TORCH = {"torch": "/x/site-packages/torch/__init__.py", "torch.jit": "/x/site-packages/torch/jit/__init__.py"}


def reads(tmp_path, source, *, module="__main__", arguments=("python", "train.py")):
    file = tmp_path / "train.py"
    file.write_text("import torch\n")
    other = tmp_path / "other.py"
    other.write_text(source)
    modules = {**TORCH, "__main__": str(file), module: str(other)}
    return may_read_unheard(modules, arguments, "/usr")


@pytest.mark.parametrize(
    "source",
    [
        "import torch\ntorch.jit.load('m.pt')",
        "from torch import jit\njit.load('m.pt')",
        "from torch.jit import load\nload('m.pt')",
        "import torch.jit as j\nj.load('m.pt')",
        "import torch\ntorch.export.load('m.pt2')",
        "import torch\ntorch.UntypedStorage.from_file('x')",
        "import torch\ntorch._C.PyTorchFileReader('x')",
        "from torch.package import PackageImporter",
        "import torch\ntorch.ops.load_library('x.so')",
        "from torch.utils.cpp_extension import load",
        "import torch\ntorch._inductor.aoti_load_package('x')",
        "import torch\ntorch.classes.load_library('x')",
    ],
)
@pytest.mark.parametrize("module", ["__main__", "helper"])
def test_a_source_that_calls_what_reads_natively_may_have(tmp_path, source, module):
    assert reads(tmp_path, source, module=module)


@pytest.mark.parametrize(
    "source",
    [
        "import torch\ntorch.load('x.pt')",
        "import torch\ntorch.save({}, 'x.pt')",
        "import torch\n@torch.jit.script\ndef f(): pass",
        "import json\njit = json.load(open('x'))",
        "model.load_state_dict(state)  # torch",
        "",
    ],
)
def test_torch_load_and_the_like_are_heard(tmp_path, source):
    assert not reads(tmp_path, source)


def test_triton_speaks_of_jit_and_load_and_reads_nothing(tmp_path):
    source = "import torch\n@jit\ndef kernel(p): return tl.load(p)"
    assert not reads(tmp_path, source, module="triton.language.core")
    assert reads(tmp_path, source, module="kernels")


def test_a_source_that_is_gone_may_have_called_anything(tmp_path):
    assert may_read_unheard({**TORCH, "__main__": str(tmp_path / "gone.py")}, [], "/usr")


def test_a_program_without_a_file_may_have_called_anything():
    assert may_read_unheard(TORCH, ["python"], "/usr")
    assert may_read_unheard(TORCH, ["python", "-c", "import torch; torch.jit.load('x')"], "/usr")
    assert not may_read_unheard(TORCH, ["python", "-c", "import torch; torch.load('x')"], "/usr")


def test_other_native_readers_may_always_have_read(tmp_path):
    assert may_read_unheard({"h5py": "h5py/__init__.py"}, [], "/usr")
    assert not may_read_unheard({"json": "json/__init__.py"}, [], "/usr")


def test_data_of_a_torch_program_that_reads_nothing_natively_is_known(make_context):
    context = make_context(phase=Phase.END)
    script = context.cwd / "train.py"
    script.write_text("import torch\ntorch.save({}, 'x')\n")
    process = {
        "audit": AUDIT,
        "modules": TORCH,
        "argv": ["train.py"],
        "orig_argv": ["python", "train.py"],
        "children": {},
    }
    process.update({"cwd": str(context.cwd), "base_prefix": "/usr", "data_files": {}, "environ_start": {}})
    process["modules"] = {**TORCH, "__main__": None}
    context = replace(context, process=process)
    assert () not in DatasetsProbe().observe(context).facts or DatasetsProbe().observe(context).facts[()] == ABSENT
    script.write_text("import torch\ntorch.jit.load('x')\n")
    assert DatasetsProbe().observe(context).facts[()] == Unknown(UnknownCode.NOT_ASKED)
