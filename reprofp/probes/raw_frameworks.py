"""Raw observations of the frameworks that a process has loaded; the part of ``raw.py`` that knows their names.

Loaded by ``raw.py`` by its path, and bound like it: the standard library of Python 3.8 and later only. Guaranteed:
nothing is imported and no device is woken (what would wake one is asked only where the program has done so), no
generator is advanced, no flag is set. Each getter is asked for itself: one that fails is ``{"error": "failed"}``, one
that this release does not have is ``{"error": "missing"}``.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["FRAMEWORKS", "describe"]

FRAMEWORKS = ("torch", "jax", "tensorflow", "keras", "sklearn")
"""The top-level modules that are looked at, beside those of ``raw_others.py``; of the rest ``raw.py`` has the version."""

MISSING = {"error": "missing"}
FAILED = {"error": "failed"}
SUPERSEDED = "by operation"
"""In the place of a legacy precision that has no one value: the precisions of the operations say what is in force."""

_FRESH_LEFT, _FRESH_NEXT = 1, 0
"""How the Mersenne Twister of torch stands after seeding and before its first draw (ATen/core/MT19937RNGEngine.h)."""


def describe(digest: Callable[..., str]) -> dict[str, Any]:
    """Describe each framework that is loaded; ``digest`` makes a text of bytes."""
    readers = {"torch": _describe_torch, "jax": _describe_jax, "tensorflow": _describe_tensorflow}
    readers.update({"keras": _describe_keras, "sklearn": _describe_sklearn})
    found = {}
    for name, reader in readers.items():
        module = sys.modules.get(name)
        if module is not None:
            found[name] = _ask(lambda reader=reader, module=module: reader(module, digest))  # type: ignore[misc]
    others = _load_others()
    for name in others["OTHERS"]:
        if sys.modules.get(name) is not None:
            found[name] = _ask(lambda name=name: others["describe"](name, _ask, _ask_all, _find))  # type: ignore[misc]
    return found


def _load_others() -> dict[str, Any]:
    """Load the file beside this one by its path, as ``raw.py`` loads this one."""
    import os
    from _frozen_importlib_external import SourceFileLoader

    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "raw_others.py")
    names: dict[str, Any] = {"__name__": "reprofp_raw_others", "__file__": path}
    exec(SourceFileLoader("raw_others", path).get_code("raw_others"), names)  # type: ignore[arg-type]
    return names


def _ask(getter: Callable[[], Any]) -> Any:
    """Return what ``getter`` returns in a form that JSON has, or why there is nothing."""
    try:
        return _plain(getter())
    except AttributeError:
        return dict(MISSING)
    except Exception:  # noqa: BLE001 - a getter of a foreign library may raise anything
        return dict(FAILED)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value)


def _find(path: str) -> Any:
    """Follow a path of names from a loaded module.

    Raises:
        AttributeError: the module is not loaded, or has no such name.
    """
    module, _, names = path.partition(":")
    value = sys.modules.get(module)
    if value is None:
        raise AttributeError(path)
    for name in filter(None, names.split(".")):
        value = getattr(value, name)
    return value


def _ask_for(path: str) -> Callable[..., Any]:
    """Return a function that is looked for when it is called."""

    def call(*arguments: Any) -> Any:
        return _find(path)(*arguments)

    return call


def _ask_all(table: str) -> dict[str, Any]:
    """Ask for each line of ``table``: a name, and a path that gives it; brackets call what is there."""
    found = {}
    for line in filter(None, map(str.strip, table.splitlines())):
        name, path = line.split()
        found[name] = _ask(lambda path=path: _find(path[:-2])() if path.endswith("()") else _find(path))  # type: ignore[misc]
    return found


# ---- torch ----

_TORCH_FLAGS = """
    torch.deterministic_algorithms                 torch._C:_get_deterministic_algorithms()
    torch.deterministic_algorithms_warn_only       torch._C:_get_deterministic_algorithms_warn_only()
    torch.utils.deterministic.fill_uninitialized_memory torch._C:_get_deterministic_fill_uninitialized_memory()
    torch.default_dtype                            torch:get_default_dtype()
    torch.jit.optimized_execution                  torch._C:_get_graph_executor_optimize()
    torch.anomaly                                  torch._C:is_anomaly_enabled()
    torch.backends.cudnn.enabled                   torch._C:_get_cudnn_enabled()
    torch.backends.cudnn.benchmark                 torch._C:_get_cudnn_benchmark()
    torch.backends.cudnn.benchmark_limit           torch._C:_cuda_get_cudnn_benchmark_limit()
    torch.backends.cudnn.deterministic             torch._C:_get_cudnn_deterministic()
    torch.backends.miopen.immediate                torch._C:_get_miopen_immediate()
    torch.backends.cuda.matmul.allow_fp16_accumulation torch._C:_get_cublas_allow_fp16_accumulation()
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction torch._C:_get_cublas_allow_fp16_reduced_precision_reduction()
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction torch._C:_get_cublas_allow_bf16_reduced_precision_reduction()
    torch.backends.cuda.flash_sdp                  torch._C:_get_flash_sdp_enabled()
    torch.backends.cuda.fa3_sdp                    torch._C:_get_fa3_sdp_enabled()
    torch.backends.cuda.mem_efficient_sdp          torch._C:_get_mem_efficient_sdp_enabled()
    torch.backends.cuda.math_sdp                   torch._C:_get_math_sdp_enabled()
    torch.backends.cuda.cudnn_sdp                  torch._C:_get_cudnn_sdp_enabled()
    torch.backends.cuda.sdp_priority_order         torch._C:_get_sdp_priority_order()
    torch.backends.cuda.fp16_bf16_reduction_math_sdp torch._C:_get_math_sdp_allow_fp16_bf16_reduction()
    torch.backends.cuda.preferred_linalg_library   torch._C:_get_linalg_preferred_backend()
    torch.backends.cpu.allow_fp16_reduced_precision_reduction torch._C:_get_cpu_allow_fp16_reduced_precision_reduction()
    torch.backends.mkldnn.enabled                  torch._C:_get_mkldnn_enabled()
    torch.backends.mkldnn.deterministic            torch._C:_get_mkldnn_deterministic()
    torch.backends.nnpack.enabled                  torch._C:_get_nnpack_enabled()
    torch.backends.quantized.engine                torch.backends.quantized:engine
    torch.backends.mha.fastpath                    torch.backends.mha:_is_fastpath_enabled
    torch.backends.opt_einsum.available            torch.backends.opt_einsum:is_available()
    torch.backends.opt_einsum.enabled              torch.backends.opt_einsum:enabled
    torch.backends.opt_einsum.strategy             torch.backends.opt_einsum:strategy
"""
_TORCH_ON_DEVICE = """
    torch.backends.cuda.preferred_blas_library     torch._C:_get_blas_preferred_backend()
    torch.backends.cuda.preferred_rocm_fa_library  torch._C:_get_rocm_fa_preferred_backend()
    torch.cuda.tunable.enabled                     torch._C:_cuda_tunableop_is_enabled()
    torch.cuda.tunable.tuning                      torch._C:_cuda_tunableop_tuning_is_enabled()
"""
"""What looks at the device, or at a library for it, and is therefore asked only where the program has woken one."""
_PRECISIONS = {
    "torch.backends.fp32_precision": ("generic", "all"),
    "torch.backends.cuda.matmul.fp32_precision": ("cuda", "matmul"),
    "torch.backends.cudnn.conv.fp32_precision": ("cuda", "conv"),
    "torch.backends.cudnn.rnn.fp32_precision": ("cuda", "rnn"),
    "torch.backends.mkldnn.matmul.fp32_precision": ("mkldnn", "matmul"),
    "torch.backends.mkldnn.conv.fp32_precision": ("mkldnn", "conv"),
    "torch.backends.mkldnn.rnn.fp32_precision": ("mkldnn", "rnn"),
}
_INDUCTOR = """
    deterministic batch_invariant max_autotune max_autotune_gemm max_autotune_pointwise max_autotune_gemm_backends
    coordinate_descent_tuning shape_padding fallback_random emulate_precision_casts freezing online_softmax
    dynamic_scale_rblock split_reductions cpp.threads cpp.simdlen cpp.dynamic_threads cpp.enable_unsafe_math_opt_flag
    cpp.enable_floating_point_contract_flag cpp.fallback_scatter_reduce_sum
"""
_TORCH_BUILD = """
    compiler: GCC|clang|Clang
    mkl: Intel(R) oneAPI Math Kernel Library Version|Intel(R) Math Kernel Library Version
    onednn: Intel(R) MKL-DNN
    openmp: OpenMP
    cuda_runtime: CUDA Runtime
    cudnn: CuDNN
    nvcc: NVCC architecture flags:
    magma: Magma
"""
_SETTINGS = (
    "BLAS_INFO LAPACK_INFO BUILD_TYPE USE_CUDA USE_MKL USE_MKLDNN USE_NNPACK USE_OPENMP USE_ROCM USE_EIGEN_FOR_BLAS"
)


def _describe_torch(torch: Any, digest: Callable[..., str]) -> dict[str, Any]:
    woken = _is_awake()
    flags = _ask_all(_TORCH_FLAGS)
    flags.update(_ask_all(_TORCH_ON_DEVICE) if woken is True else {})
    flags.update(_read_precisions())
    flags["torch.default_device"] = _ask(_find_default_device)
    flags.update({"torch.autocast." + device: _ask_autocast(torch, device) for device in ("cpu", "cuda")})
    flags.update(_read_inductor())
    return {
        "facts": {
            **_ask_all("version torch.version:__version__\ngit torch.version:git_version\ndebug torch.version:debug"),
            **_ask_all("cuda torch.version:cuda\nhip torch.version:hip"),
            **_ask_all("threads torch:get_num_threads()\ninterop_threads torch:get_num_interop_threads()"),
            "cpu_capability": _ask(lambda: torch._C._get_cpu_capability()),  # noqa: PLW0108, SLF001
            "compiled": _ask(_has_compiled),
            **_describe_ranks(),
        },
        "build": _ask(lambda: _read_torch_build(digest, woken)),
        "flags": flags,
        "rng": {"cpu": _ask(lambda: _describe_mersenne(torch.default_generator, digest)), **_list_devices(digest)},
    }


def _is_awake(kind: str = "cuda") -> Any:
    """Whether the program has initialised a CUDA or ROCm device (or one of Intel's, ``xpu``)."""
    return _ask(_ask_for("torch." + kind + ":is_initialized")) if "torch." + kind in sys.modules else False


def _has_compiled() -> bool:
    """Whether torch.compile has translated any code of the program; asking by get leaves the counters as they are."""
    if "torch._dynamo.utils" not in sys.modules:
        return False
    return bool(sum((_find("torch._dynamo.utils:counters").get("frames") or {}).values()))


def _describe_ranks() -> dict[str, Any]:
    """Tell what the processes of a distributed program talk by, where it has begun to."""
    if "torch.distributed" not in sys.modules or _ask(_ask_for("torch.distributed:is_initialized")) is not True:
        return {}
    return _ask_all(
        """
        distributed_backend       torch.distributed:get_backend()
        distributed_world_size    torch.distributed:get_world_size()
        """
    )


def _find_default_device() -> str:
    """Return what torch.set_default_device set in this thread; torch's own getter would make a tensor there."""
    context = getattr(_find("torch:_GLOBAL_DEVICE_CONTEXT"), "device_context", None)
    return "cpu" if context is None else str(context.device)


def _ask_autocast(torch: Any, device: str) -> Any:
    """Return the type to which operations on a device are cast just now, or "off"."""

    def read() -> Any:
        try:
            return str(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else "off"
        except (AttributeError, TypeError):  # before torch 2.4
            cpu = device == "cpu"
            enabled = torch.is_autocast_cpu_enabled() if cpu else torch.is_autocast_enabled()
            return str(torch.get_autocast_cpu_dtype() if cpu else torch.get_autocast_gpu_dtype()) if enabled else "off"

    return _ask(read)


def _read_precisions() -> dict[str, Any]:
    """Read the precisions of float32 by operation, and the legacy flags, which refuse to answer after these were set."""
    getter = _ask_for("torch._C:_get_fp32_precision_getter")
    new = {name: _ask(lambda pair=pair: getter(*pair)) for name, pair in _PRECISIONS.items()}  # type: ignore[misc]
    old = _ask_all(
        """
        torch.float32_matmul_precision             torch._C:_get_float32_matmul_precision()
        torch.backends.cuda.matmul.allow_tf32      torch._C:_get_cublas_allow_tf32()
        torch.backends.cudnn.allow_tf32            torch._C:_get_cudnn_allow_tf32()
        """
    )
    stand_ins: dict[str, object] = {
        "torch.float32_matmul_precision": SUPERSEDED,
        "torch.backends.cuda.matmul.allow_tf32": new["torch.backends.cuda.matmul.fp32_precision"] == "tf32",
        "torch.backends.cudnn.allow_tf32": new["torch.backends.cudnn.conv.fp32_precision"] == "tf32",
    }
    known = all(isinstance(value, str) for value in new.values())
    return {**new, **{name: stand_ins[name] if value == FAILED and known else value for name, value in old.items()}}


def _read_inductor() -> dict[str, Any]:
    """Read what shapes compiled code, where the compiler is loaded."""
    if "torch._inductor.config" not in sys.modules:
        return {}
    names = _INDUCTOR.split()
    return {"torch.inductor." + name: _ask(lambda name=name: _find("torch._inductor.config:" + name)) for name in names}  # type: ignore[misc]


def _read_torch_build(digest: Callable[..., str], woken: object) -> dict[str, Any]:
    """Take apart how torch was built; a build for a GPU asks the driver's libraries for that."""
    if woken is not True and (_find("torch.version:cuda") or getattr(_find("torch:version"), "hip", None)):
        raise ValueError("asking would load libraries of the GPU")
    lines = [line.strip(" -") for line in _ask_for("torch._C:_show_config")().splitlines()]
    lines = [line for line in lines if not line.startswith("CPU capability usage")]
    found: dict[str, Any] = {"digest": digest("\n".join(lines).encode())}
    for entry in filter(None, map(str.strip, _TORCH_BUILD.splitlines())):
        name, _, starts = entry.partition(": ")
        marks = tuple(starts.split("|"))
        found[name] = next((line for line in lines if line.startswith(marks)), None)
    settings = next((line for line in lines if line.startswith("Build settings:")), "").partition(": ")[2]
    pairs = dict(pair.strip().partition("=")[::2] for pair in settings.split(","))
    found.update({name.lower(): pairs.get(name, "").strip() or None for name in _SETTINGS.split()})
    return found


def _describe_mersenne(generator: Any, digest: Callable[..., str]) -> dict[str, Any]:
    """Describe torch's generator for the CPU: its state is its seed, two counters, the table, and kept normal numbers."""
    state = bytes(generator.get_state().tolist())
    left, position = int.from_bytes(state[8:12], sys.byteorder), int.from_bytes(state[16:24], sys.byteorder)
    return {"state": digest(state), "touched": not (left == _FRESH_LEFT and position == _FRESH_NEXT)}


def _list_devices(digest: Callable[..., str]) -> dict[str, Any]:
    """Describe the generators of the devices that the program has woken: a seed, and how far it has come (Philox)."""
    found = {}
    for kind in ("cuda", "xpu"):
        woken = _is_awake(kind)
        found[kind] = _list_philox("torch." + kind, digest) if woken is True else None if woken is False else woken
    return found


def _list_philox(module: str, digest: Callable[..., str]) -> Any:
    return _ask(lambda: [_describe_philox(item, digest) for item in _find(module + ":default_generators")])


def _describe_philox(generator: Any, digest: Callable[..., str]) -> dict[str, Any]:
    state = bytes(generator.get_state().tolist())
    return {"state": digest(state), "touched": len(state) != 16 or any(state[8:])}  # a seed and an offset


# ---- others ----

_JAX_FLAGS = """
    jax_enable_x64 jax_default_matmul_precision jax_default_prng_impl jax_threefry_partitionable jax_numpy_dtype_promotion
    jax_numpy_rank_promotion jax_platforms jax_default_device jax_disable_jit jax_exec_time_optimization_effort
    jax_use_shardy_partitioner jax_cpu_enable_async_dispatch jax_num_cpu_devices jax_compilation_cache_dir
    jax_enable_compilation_cache jax_debug_nans jax_random_seed_offset jax_legacy_prng_key jax_softmax_custom_jvp
    jax_enable_custom_prng jax_cpu_collectives_implementation
"""


def _describe_jax(jax: Any, _digest: Callable[..., str]) -> dict[str, Any]:
    names = _JAX_FLAGS.split()
    flags = {"jax." + name[4:]: _ask(lambda name=name: getattr(jax.config, name)) for name in names}  # type: ignore[misc]
    return {
        "facts": {
            "version": _ask(lambda: jax.__version__),
            **_ask_all("jaxlib jaxlib.version:__version__"),
            "platforms": _ask(lambda: sorted(_find("jax._src.xla_bridge:_backends"))),
        },
        "flags": flags,
    }


_TENSORFLOW_FLAGS = """
    tensorflow.op_determinism     tensorflow.python.util._pywrap_determinism:is_enabled()
    tensorflow.tensor_float_32    tensorflow.python.util._pywrap_tensor_float_32_execution:is_enabled()
    tensorflow.jit                tensorflow.python.eager.context:_context._optimizer_jit
    tensorflow.soft_placement     tensorflow.python.eager.context:_context._soft_device_placement
    tensorflow.onednn             tensorflow.python.util._pywrap_util_port:IsMklEnabled()
"""


def _describe_tensorflow(_tensorflow: Any, digest: Callable[..., str]) -> dict[str, Any]:
    """Ask its context where there is one: to ask for one would make it."""
    facts = _ask_all(
        """
        version                   tensorflow.python.framework.versions:VERSION
        git                       tensorflow.python.framework.versions:GIT_VERSION
        intra_op_threads          tensorflow.python.eager.context:_context._intra_op_parallelism_threads
        inter_op_threads          tensorflow.python.eager.context:_context._inter_op_parallelism_threads
        """
    )
    seed = _ask_all("seed tensorflow.python.eager.context:_context._seed")["seed"]
    generator = _ask(lambda: _describe_generator(digest))
    return {"facts": facts, "flags": _ask_all(_TENSORFLOW_FLAGS), "rng": {"seed": seed, "generator": generator}}


def _describe_generator(digest: Callable[..., str]) -> Any:
    """Describe the global generator of tf.random, where the program has made one: to ask for it would make it."""
    generator = _find("tensorflow.python.ops.stateful_random_ops:global_generator")
    return None if generator is None else digest(repr(generator.state.numpy().tolist()).encode())


def _describe_keras(_keras: Any, _digest: Callable[..., str]) -> dict[str, Any]:
    """Describe what keras.json and the environment came to."""
    flags = _ask_all(
        """
        keras.backend             keras.src.backend.config:backend()
        keras.floatx              keras.src.backend.config:floatx()
        keras.epsilon             keras.src.backend.config:epsilon()
        keras.image_data_format   keras.src.backend.config:image_data_format()
        """
    )
    attribute = _ask_for("keras.src.backend.common.global_state:get_global_attribute")
    flags["keras.dtype_policy"] = _ask(
        lambda: _find("keras.src.backend.common.global_state:get_global_attribute")("dtype_policy")
    )
    seed = _ask(lambda: attribute("global_random_seed"))
    return {"facts": _ask_all("version keras:__version__"), "flags": flags, "rng": {"seed": seed}}


def _describe_sklearn(sklearn: Any, _digest: Callable[..., str]) -> dict[str, Any]:
    config = _ask(lambda: sklearn.get_config())  # noqa: PLW0108
    known = config if isinstance(config, dict) and set(config) != {"error"} else {}
    flags = {"sklearn." + name: value for name, value in known.items()} or {"sklearn.config": config}
    return {"facts": {"version": _ask(lambda: sklearn.__version__)}, "flags": flags}
