/*
 * Instruction sets that numerical code chooses its kernels by, under Linux's names.
 *
 * Bits: Intel SDM volume 2A, CPUID; Intel Architecture Instruction Set Extensions Programming Reference; AMD
 * APM volume 3, appendix E. Names: arch/x86/include/asm/cpufeatures.h of Linux. Sets that only the kernel or
 * a hypervisor can use are left out: no library chooses by them.
 */
#include "cpuid_decode.h"

enum cpuid_register { EAX, EBX, ECX, EDX };

/* What the OS must save for the registers of a set, as bits of XCR0 (SDM volume 1, chapter 13). */
#define NONE UINT64_C(0)
#define AVX UINT64_C(0x6)           /* XMM, YMM */
#define AVX512 UINT64_C(0xE6)       /* and opmask, the upper halves of ZMM0-15, ZMM16-31 */
#define AMX UINT64_C(0x60000)       /* tile configuration and data */
#define APX (UINT64_C(0x80000) | 2) /* R16-31 */

struct feature {
    const char *name;
    enum rfp_feature_leaf leaf;
    enum cpuid_register from;
    unsigned bit;
    uint64_t state;
};

static const struct feature FEATURES[] = {
    {"cmov", RFP_LEAF_1, EDX, 15, NONE},
    {"mmx", RFP_LEAF_1, EDX, 23, NONE},
    {"sse", RFP_LEAF_1, EDX, 25, NONE},
    {"sse2", RFP_LEAF_1, EDX, 26, NONE},
    {"pni", RFP_LEAF_1, ECX, 0, NONE}, /* SSE3 */
    {"pclmulqdq", RFP_LEAF_1, ECX, 1, NONE},
    {"ssse3", RFP_LEAF_1, ECX, 9, NONE},
    {"fma", RFP_LEAF_1, ECX, 12, AVX},
    {"cx16", RFP_LEAF_1, ECX, 13, NONE},
    {"sse4_1", RFP_LEAF_1, ECX, 19, NONE},
    {"sse4_2", RFP_LEAF_1, ECX, 20, NONE},
    {"movbe", RFP_LEAF_1, ECX, 22, NONE},
    {"popcnt", RFP_LEAF_1, ECX, 23, NONE},
    {"aes", RFP_LEAF_1, ECX, 25, NONE},
    {"avx", RFP_LEAF_1, ECX, 28, AVX},
    {"f16c", RFP_LEAF_1, ECX, 29, AVX},
    {"rdrand", RFP_LEAF_1, ECX, 30, NONE},
    {"bmi1", RFP_LEAF_7_0, EBX, 3, NONE},
    {"avx2", RFP_LEAF_7_0, EBX, 5, AVX},
    {"bmi2", RFP_LEAF_7_0, EBX, 8, NONE},
    {"erms", RFP_LEAF_7_0, EBX, 9, NONE},
    {"avx512f", RFP_LEAF_7_0, EBX, 16, AVX512},
    {"avx512dq", RFP_LEAF_7_0, EBX, 17, AVX512},
    {"rdseed", RFP_LEAF_7_0, EBX, 18, NONE},
    {"adx", RFP_LEAF_7_0, EBX, 19, NONE},
    {"avx512ifma", RFP_LEAF_7_0, EBX, 21, AVX512},
    {"avx512pf", RFP_LEAF_7_0, EBX, 26, AVX512},
    {"avx512er", RFP_LEAF_7_0, EBX, 27, AVX512},
    {"avx512cd", RFP_LEAF_7_0, EBX, 28, AVX512},
    {"sha_ni", RFP_LEAF_7_0, EBX, 29, NONE},
    {"avx512bw", RFP_LEAF_7_0, EBX, 30, AVX512},
    {"avx512vl", RFP_LEAF_7_0, EBX, 31, AVX512},
    {"avx512vbmi", RFP_LEAF_7_0, ECX, 1, AVX512},
    {"avx512_vbmi2", RFP_LEAF_7_0, ECX, 6, AVX512},
    {"gfni", RFP_LEAF_7_0, ECX, 8, NONE},
    {"vaes", RFP_LEAF_7_0, ECX, 9, AVX},
    {"vpclmulqdq", RFP_LEAF_7_0, ECX, 10, AVX},
    {"avx512_vnni", RFP_LEAF_7_0, ECX, 11, AVX512},
    {"avx512_bitalg", RFP_LEAF_7_0, ECX, 12, AVX512},
    {"avx512_vpopcntdq", RFP_LEAF_7_0, ECX, 14, AVX512},
    {"avx512_4vnniw", RFP_LEAF_7_0, EDX, 2, AVX512},
    {"avx512_4fmaps", RFP_LEAF_7_0, EDX, 3, AVX512},
    {"fsrm", RFP_LEAF_7_0, EDX, 4, NONE},
    {"avx512_vp2intersect", RFP_LEAF_7_0, EDX, 8, AVX512},
    {"amx_bf16", RFP_LEAF_7_0, EDX, 22, AMX},
    {"avx512_fp16", RFP_LEAF_7_0, EDX, 23, AVX512},
    {"amx_tile", RFP_LEAF_7_0, EDX, 24, AMX},
    {"amx_int8", RFP_LEAF_7_0, EDX, 25, AMX},
    {"avx_vnni", RFP_LEAF_7_1, EAX, 4, AVX},
    {"avx512_bf16", RFP_LEAF_7_1, EAX, 5, AVX512},
    {"amx_fp16", RFP_LEAF_7_1, EAX, 21, AMX},
    {"avx_ifma", RFP_LEAF_7_1, EAX, 23, AVX},
    {"avx_vnni_int8", RFP_LEAF_7_1, EDX, 4, AVX},
    {"avx_ne_convert", RFP_LEAF_7_1, EDX, 5, AVX},
    {"amx_complex", RFP_LEAF_7_1, EDX, 8, AMX},
    {"avx_vnni_int16", RFP_LEAF_7_1, EDX, 10, AVX},
    {"avx10", RFP_LEAF_7_1, EDX, 19, AVX512},
    {"apx", RFP_LEAF_7_1, EDX, 21, APX},
    {"abm", RFP_LEAF_EXT_1, ECX, 5, NONE}, /* LZCNT and POPCNT */
    {"sse4a", RFP_LEAF_EXT_1, ECX, 6, NONE},
    {"misalignsse", RFP_LEAF_EXT_1, ECX, 7, NONE},
    {"xop", RFP_LEAF_EXT_1, ECX, 11, AVX},
    {"fma4", RFP_LEAF_EXT_1, ECX, 16, AVX},
    {"tbm", RFP_LEAF_EXT_1, ECX, 21, NONE},
};

enum { FEATURE_COUNT = sizeof FEATURES / sizeof FEATURES[0] };
_Static_assert((size_t)FEATURE_COUNT <= 128, "features are kept in two words of 64 bits");

static uint32_t pick(const rfp_cpuid_registers *registers, enum cpuid_register which)
{
    switch (which) {
    case EAX:
        return registers->eax;
    case EBX:
        return registers->ebx;
    case ECX:
        return registers->ecx;
    case EDX:
        break;
    }
    return registers->edx;
}

void rfp_cpu_features_decode(const rfp_cpuid_registers leaves[RFP_LEAF_COUNT], uint64_t xcr0, rfp_cpu *cpu)
{
    for (size_t i = 0; i < FEATURE_COUNT; i++) {
        const struct feature *feature = &FEATURES[i];
        const uint32_t word = pick(&leaves[feature->leaf], feature->from);
        if ((word >> feature->bit & 1) != 0 && (xcr0 & feature->state) == feature->state) {
            cpu->features[i / 64] |= UINT64_C(1) << i % 64;
        }
    }
}

size_t rfp_cpu_feature_count(void)
{
    return FEATURE_COUNT;
}

const char *rfp_cpu_feature_name(size_t index)
{
    return index < FEATURE_COUNT ? FEATURES[index].name : NULL;
}

int rfp_cpu_feature_usable(const rfp_cpu *cpu, size_t index)
{
    return index < FEATURE_COUNT && (cpu->features[index / 64] >> index % 64 & 1) != 0;
}
