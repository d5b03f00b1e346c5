/*
 * reprofp: small fixed computations whose output bits tell what this process computes.
 *
 * This is a library of its own, without Python and without the rest of the core, so that any process can
 * load it: the C library's mathematical functions answer as they were chosen for that process (by processor,
 * version and GLIBC_TUNABLES), under the floating-point state of the calling thread. Inputs are made from
 * integers, bit by bit, so that they are the same everywhere. Nothing is kept: the exception flags that the
 * computations raise are put back, no memory is taken, and every function may be called from several threads.
 */
#ifndef REPROFP_NUMERICS_H
#define REPROFP_NUMERICS_H

#include <stddef.h>
#include <stdint.h>

#ifndef RFP_API
#define RFP_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Room that is enough for the output, or for the name, of any kernel. */
enum { RFP_KERNEL_BYTES = 8192, RFP_KERNEL_NAME_BYTES = 32 };

/* The version of inputs and computations: bits are compared only under the same one. */
enum { RFP_KERNELS_REVISION = 1 };

RFP_API int rfp_kernels_revision(void);
RFP_API int rfp_kernel_count(void);

/* Write a kernel's name, "family/name", with a zero byte at its end. Returns 0, or -1 where there is no such
   kernel. */
RFP_API int rfp_kernel_name(int kernel, char name[RFP_KERNEL_NAME_BYTES]);

/* Compute; returns how many bytes of output were written, little-endian numbers as they lie in memory, or -1
   where there is no such kernel. */
RFP_API int rfp_kernel_run(int kernel, uint8_t output[RFP_KERNEL_BYTES]);

#ifdef __cplusplus
}
#endif
#endif
