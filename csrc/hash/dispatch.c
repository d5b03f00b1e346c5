/* Which instruction set BLAKE3 uses: the best that the build and the processor have, or a forced one. */
#include <stdatomic.h>

#include "blake3.h"

/* The only global of the core: a switch for tests. */
static _Atomic(int) forced_level = RFP_LEVEL_BEST;

/* The kernel of a level, or NULL where the build or the processor lacks it. The builtin also asks
 * whether the system saves the wide registers. */
static const rfp_kernel *kernel_of(rfp_level level)
{
    switch (level) {
    case RFP_LEVEL_PORTABLE:
        return &rfp_kernel_portable;
#if defined(__x86_64__)
    case RFP_LEVEL_SSE41:
        return __builtin_cpu_supports("sse4.1") ? &rfp_kernel_sse41 : NULL;
    case RFP_LEVEL_AVX2:
        return __builtin_cpu_supports("avx2") ? &rfp_kernel_avx2 : NULL;
    case RFP_LEVEL_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") ? &rfp_kernel_avx512 : NULL;
#elif defined(__aarch64__)
    case RFP_LEVEL_NEON: /* part of every such processor */
        return &rfp_kernel_neon;
#endif
    default:
        return NULL;
    }
}

const rfp_kernel *rfp_kernel_current(void)
{
    static const rfp_level BEST_FIRST[] = {RFP_LEVEL_AVX512, RFP_LEVEL_AVX2, RFP_LEVEL_SSE41, RFP_LEVEL_NEON};
    int forced = atomic_load_explicit(&forced_level, memory_order_relaxed);

    if (forced != RFP_LEVEL_BEST)
        return kernel_of((rfp_level)forced);
    for (size_t i = 0; i < sizeof BEST_FIRST / sizeof *BEST_FIRST; i++) {
        const rfp_kernel *kernel = kernel_of(BEST_FIRST[i]);
        if (kernel != NULL)
            return kernel;
    }
    return &rfp_kernel_portable;
}

rfp_level rfp_blake3_level(void)
{
    return rfp_kernel_current()->level;
}

const char *rfp_blake3_level_name(rfp_level level)
{
    static const char *const NAMES[] = {"portable", "sse4.1", "avx2", "avx512", "neon", "best"};

    return (unsigned)level <= RFP_LEVEL_BEST ? NAMES[level] : "unknown";
}

rfp_status rfp_blake3_force_level(rfp_level level)
{
    if ((unsigned)level > RFP_LEVEL_BEST)
        return RFP_ERR_ARGUMENT;
    if (level != RFP_LEVEL_BEST && kernel_of(level) == NULL)
        return RFP_ERR_UNSUPPORTED;
    atomic_store_explicit(&forced_level, (int)level, memory_order_relaxed);
    return RFP_OK;
}
