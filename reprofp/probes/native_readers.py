"""Modules that read files in native code, of which Python's audit hears nothing.

Each was seen to read a file by its path without an ``open`` event, or is documented to read in native
code. Not listed, since they were seen to open through Python: numpy, PIL, zarr, sqlite3 (which has an
event of its own), and pandas but for what it leaves to pyarrow.

torch reads natively in a few functions only, each of which someone outside of torch has to call by its name:
``torch.load`` opens through Python. So the sources of what is loaded tell whether torch may have read unheard.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence

from reprofp.probes.files import read_bounded

__all__ = ["NATIVE_READERS", "find_native_readers", "may_read_unheard"]

NATIVE_READERS: dict[str, str] = {
    "annoy": "maps its index",
    "av": "FFmpeg opens the container",
    "ctranslate2": "loads models in C++",
    "cv2": "imread and VideoCapture",
    "decord": "FFmpeg opens the video",
    "duckdb": "its own file system",
    "faiss": "read_index",
    "fasttext": "loads models in C++",
    "fiona": "GDAL opens the file",
    "h5py": "HDF5 opens the file",
    "hnswlib": "load_index",
    "lightgbm": "Booster(model_file=...)",
    "llama_cpp": "maps the model",
    "lmdb": "maps the database",
    "netCDF4": "HDF5 opens the file",
    "onnxruntime": "loads models in C++",
    "openslide": "opens the slide",
    "osgeo": "GDAL opens the file",
    "polars": "reads in Rust",
    "pyarrow": "reads in C++; pandas uses it for Parquet and Feather",
    "pyogrio": "GDAL opens the file",
    "pyreadstat": "reads in C",
    "rasterio": "GDAL opens the file",
    "safetensors": "maps the file in Rust",
    "sentencepiece": "loads models in C++",
    "SimpleITK": "reads in C++",
    "soundfile": "libsndfile opens the file",
    "tables": "HDF5 opens the file",
    "tensorflow": "tf.io and tf.data read in C++",
    "tensorstore": "reads in C++",
    "tokenizers": "reads in Rust",
    "torch": "jit.load, export.load, from_file, PackageImporter and compiled extensions, where someone calls them",
    "torchaudio": "FFmpeg or sox opens the file",
    "torchvision": "io.read_image",
    "xgboost": "DMatrix of a path, load_model",
}
"""By top-level module: what it reads so."""


def find_native_readers(modules: Iterable[str]) -> list[str]:
    """Return those of the loaded ``modules`` that may have read files unheard."""
    return sorted(NATIVE_READERS.keys() & {name.partition(".")[0] for name in modules})


_BY_NAME = "torch"
_CALLS = re.compile(
    rb"\b(?:from_file|PyTorchFileReader|PackageImporter|import_ir_module\w*|_?aoti?_load\w*|AOTIModel\w*|FileStore|"
    rb"load_library|_load_for_\w+|cpp_extension|load_inline)\b"
)
_SERIALIZERS, _LOADS = re.compile(rb"\b(?:jit|export|package|_export)\b"), re.compile(rb"\b_?load(?:_\w+)?\b")
"""torch.jit.load and torch.export.load, however they were imported: both words stand in a source that calls them."""
_NOT_ASKED = frozenset({_BY_NAME, "torchgen", "triton"})
"""Torch's own sources, and those of Triton, which Torch imports where it is installed: they speak of ``jit`` and of ``load`` on every
page, and read nothing but kernels that they compiled."""
_TOTAL_LIMIT = 256 << 20


def may_read_unheard(modules: Mapping[str, str], arguments: Sequence[str], base_prefix: str) -> bool:
    """Whether one of the loaded ``modules`` may have read files of which the audit heard nothing.

    Args:
        modules: The file of each loaded module, by its name.
        arguments: The interpreter's own argument list: the text after ``-c`` is a source too.
        base_prefix: Where the interpreter's standard library lies, which does not call torch.
    """
    readers = find_native_readers(modules)
    if readers != [_BY_NAME]:
        return bool(readers)
    if "__main__" not in modules and not _is_command_line(arguments):
        return True  # a program without a file: a notebook, or standard input
    text = "\n".join(arguments).encode("utf-8", "surrogateescape") if _is_command_line(arguments) else b""
    return _may_call(text) or any(_may_source_call(path) for path in _list_callers(modules, base_prefix))


def _is_command_line(arguments: Sequence[str]) -> bool:
    return any(argument.startswith("-") and argument.endswith("c") for argument in arguments[1:])


def _list_callers(modules: Mapping[str, str], base_prefix: str) -> Iterable[str]:
    """Yield the sources of what is loaded, without torch's own and those of the standard library."""
    library = os.path.join(base_prefix, "lib")
    for name, file in modules.items():
        if file.endswith((".py", ".pyw", ".pyc")) and name.partition(".")[0] not in _NOT_ASKED:
            standard = file.startswith(library) and "-packages/" not in file
            if not standard:
                yield file


def _may_source_call(path: str) -> bool:
    try:
        return _may_call(read_bounded(path, _TOTAL_LIMIT))
    except (OSError, ValueError):
        return True


def _may_call(source: bytes) -> bool:
    if b"torch" not in source:
        return False
    return bool(_CALLS.search(source) or (_SERIALIZERS.search(source) and _LOADS.search(source)))
