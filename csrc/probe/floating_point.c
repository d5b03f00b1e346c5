/*
 * The floating-point control state of the calling thread.
 *
 * MXCSR: Intel SDM volume 1, 10.2.3; x87 control word: 8.1.5; FPCR: Arm Architecture Reference Manual for
 * A-profile, "FPCR, Floating-point Control Register". New threads inherit the state of the one that made them.
 */
#include "reprofp_probe.h"

#include <fenv.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)

#define MXCSR_STICKY UINT32_C(0x3F) /* exception flags: which ones were raised so far */

/* SSE is part of x86-64; on i386 STMXCSR may be missing, and is left alone unless the build assumes it. */
static void read_registers(rfp_floating_point *state)
{
    uint16_t control = 0;
    __asm__ volatile("fnstcw %0" : "=m"(control));
    state->x87_control = control;
    state->has = RFP_HAS_X87;
#if defined(__SSE__)
    uint32_t mxcsr = 0;
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    state->mxcsr = mxcsr & ~MXCSR_STICKY;
    state->has |= RFP_HAS_MXCSR;
#endif
}

#elif defined(__aarch64__)

static void read_registers(rfp_floating_point *state)
{
    uint64_t fpcr = 0;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    state->fpcr = fpcr;
    state->has = RFP_HAS_FPCR;
}

#else

static void read_registers(rfp_floating_point *state)
{
    state->has = 0;
}

#endif

void rfp_floating_point_read(rfp_floating_point *state)
{
    memset(state, 0, sizeof *state);
    read_registers(state);
    state->rounding = fegetround();
}

const char *rfp_rounding_name(int rounding)
{
    switch (rounding) {
    case FE_TONEAREST:
        return "nearest";
#ifdef FE_DOWNWARD
    case FE_DOWNWARD:
        return "downward";
#endif
#ifdef FE_UPWARD
    case FE_UPWARD:
        return "upward";
#endif
#ifdef FE_TOWARDZERO
    case FE_TOWARDZERO:
        return "toward_zero";
#endif
    default:
        return NULL;
    }
}
