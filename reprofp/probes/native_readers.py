"""Modules that read files in native code, of which Python's audit hears nothing.

Each was seen to read a file by its path without an ``open`` event, or is documented to read in native
code. Not listed, since they were seen to open through Python: numpy, PIL, zarr, sqlite3 (which has an
event of its own), and pandas but for what it leaves to pyarrow.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["NATIVE_READERS", "find_native_readers"]

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
    "torch": "jit.load and from_file",
    "torchaudio": "FFmpeg or sox opens the file",
    "torchvision": "io.read_image",
    "xgboost": "DMatrix of a path, load_model",
}
"""By top-level module: what it reads so."""


def find_native_readers(modules: Iterable[str]) -> list[str]:
    """Return those of the loaded ``modules`` that may have read files unheard."""
    return sorted(NATIVE_READERS.keys() & {name.partition(".")[0] for name in modules})
