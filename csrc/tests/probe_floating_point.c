/* The control state is read as it is set, per thread, and reading it changes nothing. */
#include "probe_check.h"
#include "reprofp_probe.h"

#include <fenv.h>
#include <pthread.h>

static rfp_floating_point read_state(void)
{
    rfp_floating_point state;
    memset(&state, 0xA5, sizeof state);
    rfp_floating_point_read(&state);
    return state;
}

static void test_rounding(int mode, const char *name)
{
    CHECK(fesetround(mode) == 0);
    const rfp_floating_point state = read_state();
    CHECK(fegetround() == mode);
    CHECK(fesetround(FE_TONEAREST) == 0);
    CHECK(state.rounding == mode);
    CHECK_TEXT(rfp_rounding_name(state.rounding), name);
}

#if defined(__x86_64__)

#include <xmmintrin.h>

static void test_registers(void)
{
    const rfp_floating_point before = read_state();
    CHECK(before.has == (RFP_HAS_MXCSR | RFP_HAS_X87));
    CHECK(before.mxcsr == 0x1F80 && before.x87_control == 0x37F && before.fpcr == 0);

    _mm_setcsr(0x1F80 | 0x8040 | 0x3F); /* flush to zero, denormals are zero, every sticky flag */
    const rfp_floating_point flushing = read_state();
    CHECK(_mm_getcsr() == (0x1F80 | 0x8040 | 0x3F));
    _mm_setcsr(0x1F80);
    CHECK(flushing.mxcsr == (0x1F80 | 0x8040));

    const uint16_t double_precision = 0x27F;
    const uint16_t extended = 0x37F;
    __asm__ volatile("fldcw %0" : : "m"(double_precision));
    const rfp_floating_point narrow = read_state();
    __asm__ volatile("fldcw %0" : : "m"(extended));
    CHECK(narrow.x87_control == 0x27F);
}

static void *read_in_thread(void *data)
{
    *(rfp_floating_point *)data = read_state();
    _mm_setcsr(0x1F80 | 0x40);
    return NULL;
}

/* A thread inherits the state, and its own changes stay with it. */
static void test_threads(void)
{
    rfp_floating_point inherited;
    pthread_t thread;
    _mm_setcsr(0x1F80 | 0x8000);
    CHECK(pthread_create(&thread, NULL, read_in_thread, &inherited) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(inherited.mxcsr == (0x1F80 | 0x8000));
    CHECK(read_state().mxcsr == (0x1F80 | 0x8000));
    _mm_setcsr(0x1F80);
}

#else

static void test_registers(void)
{
}
static void test_threads(void)
{
}

#endif

int main(void)
{
    test_rounding(FE_TONEAREST, "nearest");
    test_rounding(FE_DOWNWARD, "downward");
    test_rounding(FE_UPWARD, "upward");
    test_rounding(FE_TOWARDZERO, "toward_zero");
    CHECK(rfp_rounding_name(-12345) == NULL);
    test_registers();
    test_threads();
    return 0;
}
