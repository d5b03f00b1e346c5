/*
 * reprofp: the C contract of the probes: what the processor is, and what is in force natively.
 *
 * Nothing here changes what it looks at: no library is loaded, no thread is made, no flag is set. Every
 * function may be called from several threads at once. The rules of reprofp.h hold here too.
 */
#ifndef REPROFP_PROBE_H
#define REPROFP_PROBE_H

#include "reprofp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The processor ------------------------------------------------------------------------------------ */

/* What CPUID says of the processor that runs the calling thread. On other architectures is_x86 is 0, and so
   is the rest. Texts end with a zero byte and are empty where the processor tells none; a cache of 0 bytes
   was not told. */
typedef struct rfp_cpu {
    int is_x86;
    uint32_t family; /* with the extended family added, as Linux prints it */
    uint32_t model;  /* with the extended model */
    uint32_t stepping;
    char vendor[13];     /* "GenuineIntel" */
    char brand[49];      /* "AMD EPYC 7B13 64-Core Processor", without padding */
    int in_hypervisor;   /* the bit that hypervisors set */
    char hypervisor[13]; /* their signature: "KVMKVMKVM" */
    uint64_t cache_l1d_bytes;
    uint64_t cache_l1i_bytes;
    uint64_t cache_l2_bytes;
    uint64_t cache_l3_bytes;
    uint64_t features[2]; /* bit i of the pair: feature i is there and the OS lets us use it */
} rfp_cpu;

RFP_API void rfp_cpu_read(rfp_cpu *cpu);

/* Instruction sets by Linux's names ("avx512_vnni"); NULL for an index that is too large. */
RFP_API size_t rfp_cpu_feature_count(void);
RFP_API const char *rfp_cpu_feature_name(size_t index);

/* 1 when the processor has the feature and the operating system saves the registers that it needs. */
RFP_API int rfp_cpu_feature_usable(const rfp_cpu *cpu, size_t index);

/* ---- Floating-point control --------------------------------------------------------------------------- */

enum { RFP_HAS_MXCSR = 1, RFP_HAS_X87 = 2, RFP_HAS_FPCR = 4 };

/* The control state of the calling thread. `has` tells which of the registers this architecture has. The
   sticky exception flags are left out: they are history, not control. */
typedef struct rfp_floating_point {
    uint32_t has;
    uint32_t mxcsr;       /* x86: bits 6 (denormals are zero) and 15 (flush to zero) among them */
    uint32_t x87_control; /* x86: bits 8 and 9 are the precision */
    uint64_t fpcr;        /* aarch64: bit 24 flushes to zero, bit 19 does for half precision */
    int rounding;         /* what fegetround returns */
} rfp_floating_point;

RFP_API void rfp_floating_point_read(rfp_floating_point *state);

/* The name of a rounding mode: "nearest", "downward", "upward", "toward_zero", or NULL. */
RFP_API const char *rfp_rounding_name(int rounding);

/* ---- The environment ---------------------------------------------------------------------------------- */

/* Copy the C library's environment, which setenv and putenv of native code change behind Python's back:
   entries that each end with a zero byte, `size` bytes in all. Entries keep their order, as they are.
   Other threads may change it meanwhile: the copy is then taken again, and RFP_ERR_UNSTABLE tells that it
   never was the same twice. RFP_ERR_LIMIT: more than 64 MiB. RFP_ERR_MEMORY. RFP_ERR_UNSUPPORTED: the system
   does not let us read carefully. A failure leaves NULL and 0. */
RFP_API rfp_status rfp_environ_copy(char **entries, size_t *size);
RFP_API void rfp_environ_free(char *entries);

/* ---- Thread pools of mapped libraries ----------------------------------------------------------------- */

/* One library that has threads of its own. Empty texts and -1 mean: it does not tell. */
typedef struct rfp_thread_pool {
    const char *api;   /* "openmp", "openblas", "mkl", "blis" */
    char library[256]; /* base name of its file */
    int threads;       /* as the calling thread would get them; -1: cannot be asked without starting it */
    int dynamic;       /* 1: the library may take fewer */
    char version[128];
    char core[64];  /* the kernels that it chose for this processor */
    char layer[32]; /* what its threads are made with */
} rfp_thread_pool;

typedef struct rfp_thread_pools rfp_thread_pools;

/* Look at the libraries that are mapped already, in the order of the loader. RFP_ERR_MEMORY leaves NULL. */
RFP_API rfp_status rfp_thread_pools_open(rfp_thread_pools **pools);
RFP_API size_t rfp_thread_pools_count(const rfp_thread_pools *pools);
RFP_API const rfp_thread_pool *rfp_thread_pools_get(const rfp_thread_pools *pools, size_t index);
RFP_API void rfp_thread_pools_free(rfp_thread_pools *pools);

#ifdef __cplusplus
}
#endif

#endif
