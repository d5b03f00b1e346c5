/* CPUID of other machines, decoded from tables; and of this one, against what the compiler's run-time says. */
#include "cpuid_decode.h"
#include "probe_check.h"

struct row {
    uint32_t leaf, subleaf;
    rfp_cpuid_registers registers;
};

struct machine {
    const struct row *rows;
    size_t count;
    uint64_t xcr0;
};

/* A leaf that the table lacks answers with ones in every bit: a decoder that asks too much shows. */
static void query_table(const rfp_cpuid_source *source, uint32_t leaf, uint32_t subleaf, rfp_cpuid_registers *out)
{
    const struct machine *machine = source->state;
    for (size_t i = 0; i < machine->count; i++) {
        if (machine->rows[i].leaf == leaf && machine->rows[i].subleaf == subleaf) {
            *out = machine->rows[i].registers;
            return;
        }
    }
    *out = (rfp_cpuid_registers){UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
}

static uint64_t tell_xcr0(const rfp_cpuid_source *source)
{
    const struct machine *machine = source->state;
    return machine->xcr0;
}

static rfp_cpu decode(const struct row *rows, size_t count, uint64_t xcr0)
{
    const struct machine machine = {rows, count, xcr0};
    const rfp_cpuid_source source = {query_table, tell_xcr0, &machine};
    rfp_cpu cpu;
    memset(&cpu, 0xA5, sizeof cpu);
    rfp_cpuid_decode(&source, &cpu);
    return cpu;
}

static int has(const rfp_cpu *cpu, const char *name)
{
    for (size_t i = 0; i < rfp_cpu_feature_count(); i++) {
        if (strcmp(rfp_cpu_feature_name(i), name) == 0) {
            return rfp_cpu_feature_usable(cpu, i);
        }
    }
    (void)fprintf(stderr, "no feature is called %s\n", name);
    exit(1);
}

/* A server of the Skylake family: 6-85-4, all of AVX-512 in leaf 7, 8 and 12 ways of cache. The signature,
   the caches and the layout of the brand are those of the SDM's tables 3-8, 3-12 and 3-17. */
static const struct row SKYLAKE[] = {
    {0, 0, {0x16, 0x756E6547, 0x6C65746E, 0x49656E69}},
    {1, 0, {0x00050654, 0, 0x7FFEFBFF, 0xBFEBFBFF}},
    {4, 0, {0x1C004121, 0x01C0003F, 63, 0}},
    {4, 1, {0x1C004122, 0x01C0003F, 63, 0}},
    {4, 2, {0x1C004143, 0x03C0003F, 1023, 0}},
    {4, 3, {0x1C03C163, 0x0280003F, 53247, 4}},
    {4, 4, {0, 0, 0, 0}},
    {7, 0, {0, 0xD39FFFFB, 0x00000008, 0}},
    {0x80000000, 0, {0x80000008, 0, 0, 0}},
    {0x80000001, 0, {0, 0, 0x121, 0x2C100800}},
    {0x80000002, 0, {0x20202020, 0x65746E49, 0x2952286C, 0x6F655820}},
    {0x80000003, 0, {0x2952286E, 0x6C6F4720, 0x31362064, 0x43203034}},
    {0x80000004, 0, {0x40205550, 0x332E3220, 0x7A484730, 0}},
};

static void test_intel(void)
{
    const rfp_cpu cpu = decode(SKYLAKE, sizeof SKYLAKE / sizeof SKYLAKE[0], 0xE7);
    CHECK(cpu.is_x86);
    CHECK_TEXT(cpu.vendor, "GenuineIntel");
    CHECK(cpu.family == 6 && cpu.model == 85 && cpu.stepping == 4);
    CHECK_TEXT(cpu.brand, "Intel(R) Xeon(R) Gold 6140 CPU @ 2.30GHz");
    CHECK(!cpu.in_hypervisor);
    CHECK_TEXT(cpu.hypervisor, "");
    CHECK(cpu.cache_l1d_bytes == 32768 && cpu.cache_l1i_bytes == 32768);
    CHECK(cpu.cache_l2_bytes == 1048576);
    CHECK(cpu.cache_l3_bytes == UINT64_C(11) * 53248 * 64);
    CHECK(has(&cpu, "avx512f") && has(&cpu, "avx512vl") && has(&cpu, "fma") && has(&cpu, "abm"));
    CHECK(!has(&cpu, "avx512_vnni") && !has(&cpu, "avx_vnni") && !has(&cpu, "sse4a"));
}

/* The same processor under a system that saves no upper halves, and under one that saves nothing. */
static void test_what_the_system_saves(void)
{
    const size_t count = sizeof SKYLAKE / sizeof SKYLAKE[0];
    const rfp_cpu without_zmm = decode(SKYLAKE, count, 0x7);
    CHECK(has(&without_zmm, "avx2") && has(&without_zmm, "f16c") && !has(&without_zmm, "avx512f"));
    const rfp_cpu without_ymm = decode(SKYLAKE, count, 0x3);
    CHECK(has(&without_ymm, "sse4_2") && has(&without_ymm, "bmi2"));
    CHECK(!has(&without_ymm, "avx") && !has(&without_ymm, "avx2") && !has(&without_ymm, "fma"));

    struct row rows[sizeof SKYLAKE / sizeof SKYLAKE[0]];
    memcpy(rows, SKYLAKE, sizeof rows);
    rows[1].registers.ecx &= ~(UINT32_C(1) << 27); /* OSXSAVE: XGETBV may not be run, so XCR0 must not count */
    const rfp_cpu without_xgetbv = decode(rows, count, 0xE7);
    CHECK(!has(&without_xgetbv, "avx") && has(&without_xgetbv, "ssse3"));
}

/* A guest on an AMD EPYC of family 25 (Zen 3): 0x00A00F11, leaf 0x8000001D for the caches. */
static const struct row MILAN[] = {
    {0, 0, {0xD, 0x68747541, 0x444D4163, 0x69746E65}},
    {1, 0, {0x00A00F11, 0, 0xFED83203, 0x178BFBFF}},
    {7, 0, {1, 0x219C07AB, 0x00400600, 0x10}},
    {7, 1, {0, 0, 0, 0}},
    {0x40000000, 0, {0x40000001, 0x4B4D564B, 0x564B4D56, 0x4D}},
    {0x80000000, 0, {0x80000021, 0, 0, 0}},
    {0x80000001, 0, {0, 0, 0x004003F3, 0x2FD3FBFF}},
    {0x80000002, 0, {0x20444D41, 0x43595045, 0x33313720, 0}},
    {0x80000003, 0, {0, 0, 0, 0}},
    {0x80000004, 0, {0, 0, 0, 0}},
    {0x8000001D, 0, {0x121, 0x01C0003F, 63, 0}},
    {0x8000001D, 1, {0x122, 0x01C0003F, 63, 0}},
    {0x8000001D, 2, {0x143, 0x01C0003F, 1023, 2}},
    {0x8000001D, 3, {0x163, 0x03C0003F, 32767, 1}},
    {0x8000001D, 4, {0, 0, 0, 0}},
};

static void test_amd_guest(void)
{
    const rfp_cpu cpu = decode(MILAN, sizeof MILAN / sizeof MILAN[0], 0x7);
    CHECK_TEXT(cpu.vendor, "AuthenticAMD");
    CHECK(cpu.family == 25 && cpu.model == 1 && cpu.stepping == 1);
    CHECK_TEXT(cpu.brand, "AMD EPYC 713");
    CHECK(cpu.in_hypervisor);
    CHECK_TEXT(cpu.hypervisor, "KVMKVMKVM");
    CHECK(cpu.cache_l1d_bytes == 32768 && cpu.cache_l2_bytes == 524288 && cpu.cache_l3_bytes == 33554432);
    CHECK(has(&cpu, "sse4a") && has(&cpu, "avx2") && has(&cpu, "vaes") && has(&cpu, "fsrm"));
    CHECK(!has(&cpu, "avx512f") && !has(&cpu, "amx_tile"));
}

/* A processor without extended leaves, and a hypervisor that answers everything with ones. */
static const struct row OLD[] = {
    {0, 0, {1, 0x756E6547, 0x6C65746E, 0x49656E69}},
    {1, 0, {0x00000633, 0, 0, 0x0080F9FF}},
    {0x80000000, 0, {0, 0, 0, 0}},
};

static void test_old_and_hostile(void)
{
    const rfp_cpu old = decode(OLD, sizeof OLD / sizeof OLD[0], 0);
    CHECK(old.family == 6 && old.model == 3 && old.stepping == 3);
    CHECK_TEXT(old.brand, "");
    CHECK(old.cache_l1d_bytes == 0 && has(&old, "mmx") && !has(&old, "sse"));

    const rfp_cpu hostile = decode(NULL, 0, UINT64_MAX);
    CHECK(hostile.family == 0xF + 0xFF && hostile.model == 0xFF && hostile.stepping == 0xF);
    CHECK(strlen(hostile.vendor) <= 12 && strlen(hostile.brand) <= 48 && strlen(hostile.hypervisor) <= 12);
}

static void test_names(void)
{
    const size_t count = rfp_cpu_feature_count();
    rfp_cpu cpu;
    rfp_cpu_read(&cpu);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            CHECK(strcmp(rfp_cpu_feature_name(i), rfp_cpu_feature_name(j)) != 0);
        }
    }
    CHECK(rfp_cpu_feature_name(count) == NULL && rfp_cpu_feature_name(SIZE_MAX) == NULL);
    CHECK(!rfp_cpu_feature_usable(&cpu, count) && !rfp_cpu_feature_usable(&cpu, SIZE_MAX));
}

static void test_this_machine(void)
{
    rfp_cpu cpu;
    rfp_cpu again;
    memset(&cpu, 0, sizeof cpu);
    memset(&again, 0, sizeof again);
    rfp_cpu_read(&cpu);
    rfp_cpu_read(&again);
    CHECK(cpu.features[0] == again.features[0] && cpu.features[1] == again.features[1]);
#if defined(__x86_64__)
    CHECK(cpu.is_x86 && strlen(cpu.vendor) == 12 && has(&cpu, "sse2"));
    __builtin_cpu_init();
    CHECK(has(&cpu, "avx2") == (__builtin_cpu_supports("avx2") != 0));
    CHECK(has(&cpu, "fma") == (__builtin_cpu_supports("fma") != 0));
    CHECK(has(&cpu, "avx512f") == (__builtin_cpu_supports("avx512f") != 0));
    CHECK(has(&cpu, "avx512_vnni") == (__builtin_cpu_supports("avx512vnni") != 0));
    CHECK(has(&cpu, "bmi2") == (__builtin_cpu_supports("bmi2") != 0));
    CHECK(has(&cpu, "popcnt") == (__builtin_cpu_supports("popcnt") != 0));
    CHECK(has(&cpu, "sse4a") == (__builtin_cpu_supports("sse4a") != 0));
#else
    CHECK(!cpu.is_x86 && cpu.features[0] == 0);
#endif
}

int main(void)
{
    test_intel();
    test_what_the_system_saves();
    test_amd_guest();
    test_old_and_hostile();
    test_names();
    test_this_machine();
    return 0;
}
