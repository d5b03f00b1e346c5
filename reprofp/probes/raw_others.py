"""Raw observations of frameworks beside those of ``raw_frameworks.py``, which loads this file by its path.

Bound as that one is: the standard library of Python 3.8 and later, nothing imported, nothing woken, no generator
advanced. In: the three ways of asking that ``raw_frameworks.py`` has, so that each getter is guarded alike.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Ask = Callable[[Callable[[], Any]], Any]
    AskAll = Callable[[str], dict[str, Any]]
    Find = Callable[[str], Any]

__all__ = ["OTHERS", "describe"]

OTHERS = ("xgboost", "lightgbm", "cupy", "triton", "transformers", "vllm", "numba", "numexpr")

_FACTS = {
    "xgboost": "version xgboost:__version__",
    "lightgbm": "version lightgbm:__version__",
    "cupy": "version cupy:__version__",
    "triton": "version triton:__version__",
    "transformers": "version transformers:__version__",
    "vllm": """
        version                         vllm.version:__version__
        device                          vllm.platforms:_current_platform.device_type
    """,
    "numba": """
        version                         numba:__version__
        threads                         numba.core.config:NUMBA_NUM_THREADS
        layer                           numba.np.ufunc.parallel:_threading_layer
    """,
    "numexpr": """
        version                         numexpr:__version__
        threads                         numexpr.utils:_get_num_threads()
    """,
}
_FLAGS = {
    "cupy": """
        cupy.routine_accelerators       cupy._core:get_routine_accelerators()
        cupy.reduction_accelerators     cupy._core:get_reduction_accelerators()
    """,
    "triton": """
        triton.language.default_fp_fusion triton.knobs:language.default_fp_fusion
        triton.language.fp32_default    triton.knobs:language.fp32_default
        triton.runtime.interpret        triton.knobs:runtime.interpret
        triton.runtime.override_arch    triton.knobs:runtime.override_arch
        triton.autotuning.cache         triton.knobs:autotuning.cache
    """,
    "transformers": "transformers.offline huggingface_hub.constants:HF_HUB_OFFLINE",
    "vllm": """
        vllm.attention_backend          vllm.attention.selector:forced_attn_backend
        vllm.batch_invariant            vllm.model_executor.layers.batch_invariant:VLLM_BATCH_INVARIANT
    """,
    "numba": """
        numba.layer                     numba.core.config:THREADING_LAYER
        numba.cpu_name                  numba.core.config:CPU_NAME
        numba.cpu_features              numba.core.config:CPU_FEATURES
        numba.disable_jit               numba.core.config:DISABLE_JIT
        numba.loop_vectorize            numba.core.config:LOOP_VECTORIZE
        numba.slp_vectorize             numba.core.config:SLP_VECTORIZE
        numba.enable_avx                numba.core.config:ENABLE_AVX
    """,
    "numexpr": "numexpr.use_vml         numexpr.interpreter:use_vml",
}
_XGBOOST_BUILD = (
    "USE_CUDA CUDA_VERSION USE_NCCL NCCL_VERSION USE_OPENMP USE_RMM USE_FEDERATED GCC_VERSION CLANG_VERSION DEBUG"
)


def describe(name: str, ask: Ask, ask_all: AskAll, find: Find) -> dict[str, Any]:
    """Describe one framework that is loaded."""
    described: dict[str, Any] = {"facts": ask_all(_FACTS[name]), "flags": ask_all(_FLAGS.get(name, ""))}
    if name == "xgboost":
        described["build"] = ask(lambda: _read_build(find("xgboost:build_info")()))
        described["flags"]["xgboost.nthread"] = ask(lambda: find("xgboost:get_config")()["nthread"])
        described["flags"]["xgboost.use_rmm"] = ask(lambda: find("xgboost:get_config")()["use_rmm"])
    elif name == "lightgbm":
        described["flags"]["lightgbm.max_threads"] = ask(lambda: _ask_lightgbm(find))
    elif name == "cupy":
        described["rng"] = {"touched": ask(lambda: bool(find("cupy.random._generator:_random_states")))}
    return described


def _read_build(info: dict[str, Any]) -> dict[str, Any]:
    """Keep what names compilers and libraries; where the library lies is a path."""
    known = {key: info.get(key) for key in _XGBOOST_BUILD.split()}
    return {
        key.lower(): ".".join(map(str, value)) if isinstance(value, (list, tuple)) else value
        for key, value in known.items()
    }


def _ask_lightgbm(find: Find) -> int:
    """Return the limit that was set on LightGBM's threads; -1 stands for OpenMP's own."""
    ctypes = sys.modules["ctypes"]
    number = ctypes.c_int(0)
    if find("lightgbm.basic:_LIB.LGBM_GetMaxThreads")(ctypes.byref(number)):
        raise ValueError("LightGBM did not tell")
    return int(number.value)
