/* The OpenMP runtimes of the KMP family (LLVM's libomp, Intel's libiomp5), and when they may be asked. */
#ifndef RFP_KMP_H
#define RFP_KMP_H

#include "mapped.h"

/* Whether the object is such a runtime. */
int rfp_kmp_is(const rfp_mapped *object, void *handle);

/*
 * Whether this very copy has been started in this process.
 *
 * Its getters start it where it is not (FTN_GET_MAX_THREADS calls __kmp_middle_initialize, in kmp_ftn_entry.h
 * of openmp/runtime in llvm-project): that reads KMP_AFFINITY and binds the calling thread, and ends the
 * process with "OMP: Error #15" where a second copy is mapped. So one that is not started is never asked.
 *
 * A started copy has registered itself (__kmp_register_library_startup, in kmp_runtime.cpp) under
 * __KMP_REGISTERED_LIB_<pid>_<uid> in /dev/shm, else in /tmp, else in the environment; older ones without the
 * user's id, and in the environment only. The value begins with the address of a variable of that copy.
 */
int rfp_kmp_is_started(const rfp_mapped *object);

#endif
