/*
 * What CPUID says of an x86 processor.
 *
 * Sources: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2A, CPUID; AMD64 Architecture
 * Programmer's Manual, volume 3, appendix E; for leaf 0x40000000, the Linux kernel's
 * Documentation/virt/kvm/x86/cpuid.rst.
 */
#include "cpuid_decode.h"

#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#define LEAF_1_ECX_OSXSAVE (UINT32_C(1) << 27)
#define LEAF_1_ECX_HYPERVISOR (UINT32_C(1) << 31)
#define LEAF_EXT (UINT32_C(0x80000000))
#define LEAF_HYPERVISOR (UINT32_C(0x40000000))
#define CACHE_SUBLEAVES 16 /* real processors stop at 5 */

static rfp_cpuid_registers ask(const rfp_cpuid_source *source, uint32_t leaf, uint32_t subleaf)
{
    rfp_cpuid_registers registers = {0, 0, 0, 0};
    source->query(source, leaf, subleaf, &registers);
    return registers;
}

/* A leaf above the highest one answers with the data of another on Intel: it must not be asked. */
static rfp_cpuid_registers ask_within(const rfp_cpuid_source *source, uint32_t highest, uint32_t leaf, uint32_t subleaf)
{
    const rfp_cpuid_registers none = {0, 0, 0, 0};
    return highest >= leaf ? ask(source, leaf, subleaf) : none;
}

static void put_register(char *text, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        text[i] = (char)(value >> (8 * i) & 0xFF);
    }
}

/* Intel pads brands with spaces in front, AMD behind. */
static void trim(char *text)
{
    size_t begin = 0;
    size_t end = strlen(text);
    while (end > 0 && text[end - 1] == ' ') {
        end--;
    }
    while (begin < end && text[begin] == ' ') {
        begin++;
    }
    memmove(text, text + begin, end - begin);
    text[end - begin] = '\0';
}

static void decode_signature(uint32_t eax, rfp_cpu *cpu)
{
    const uint32_t family = eax >> 8 & 0xF;
    cpu->family = family == 0xF ? family + (eax >> 20 & 0xFF) : family;
    cpu->model = eax >> 4 & 0xF;
    if (family >= 6) {
        cpu->model |= (eax >> 16 & 0xF) << 4;
    }
    cpu->stepping = eax & 0xF;
}

static void decode_brand(const rfp_cpuid_source *source, uint32_t highest_ext, rfp_cpu *cpu)
{
    if (highest_ext < LEAF_EXT + 4) {
        return;
    }
    for (uint32_t i = 0; i < 3; i++) {
        const rfp_cpuid_registers part = ask(source, LEAF_EXT + 2 + i, 0);
        char *text = cpu->brand + (size_t)16 * i;
        put_register(text, part.eax);
        put_register(text + 4, part.ebx);
        put_register(text + 8, part.ecx);
        put_register(text + 12, part.edx);
    }
    trim(cpu->brand);
}

static void decode_cache(const rfp_cpuid_registers *part, rfp_cpu *cpu)
{
    const uint32_t type = part->eax & 0x1F;
    const uint32_t level = part->eax >> 5 & 0x7;
    const uint64_t ways = (part->ebx >> 22 & 0x3FF) + UINT64_C(1);
    const uint64_t partitions = (part->ebx >> 12 & 0x3FF) + UINT64_C(1);
    const uint64_t line = (part->ebx & 0xFFF) + UINT64_C(1);
    const uint64_t size = ways * partitions * line * (part->ecx + UINT64_C(1));
    if (level == 1 && type == 1) {
        cpu->cache_l1d_bytes = size;
    } else if (level == 1 && type == 2) {
        cpu->cache_l1i_bytes = size;
    } else if (level == 2) {
        cpu->cache_l2_bytes = size;
    } else if (level == 3) {
        cpu->cache_l3_bytes = size;
    }
}

/* Leaf 4 (Intel) and leaf 0x8000001D (AMD) have the same form; a type of 0 ends the list. */
static void decode_caches(const rfp_cpuid_source *source, uint32_t leaf, rfp_cpu *cpu)
{
    for (uint32_t i = 0; i < CACHE_SUBLEAVES; i++) {
        const rfp_cpuid_registers part = ask(source, leaf, i);
        if ((part.eax & 0x1F) == 0) {
            return;
        }
        decode_cache(&part, cpu);
    }
}

static void decode_hypervisor(const rfp_cpuid_source *source, rfp_cpu *cpu)
{
    const rfp_cpuid_registers part = ask(source, LEAF_HYPERVISOR, 0);
    cpu->in_hypervisor = 1;
    put_register(cpu->hypervisor, part.ebx);
    put_register(cpu->hypervisor + 4, part.ecx);
    put_register(cpu->hypervisor + 8, part.edx);
}

void rfp_cpuid_decode(const rfp_cpuid_source *source, rfp_cpu *cpu)
{
    memset(cpu, 0, sizeof *cpu);
    cpu->is_x86 = 1;
    const rfp_cpuid_registers first = ask(source, 0, 0);
    put_register(cpu->vendor, first.ebx);
    put_register(cpu->vendor + 4, first.edx);
    put_register(cpu->vendor + 8, first.ecx);
    uint32_t highest_ext = ask(source, LEAF_EXT, 0).eax;
    if (highest_ext < LEAF_EXT) {
        highest_ext = 0; /* a processor without extended leaves answers anything */
    }

    rfp_cpuid_registers leaves[RFP_LEAF_COUNT] = {{0, 0, 0, 0}};
    leaves[RFP_LEAF_1] = ask_within(source, first.eax, 1, 0);
    leaves[RFP_LEAF_7_0] = ask_within(source, first.eax, 7, 0);
    if (leaves[RFP_LEAF_7_0].eax >= 1) {
        leaves[RFP_LEAF_7_1] = ask_within(source, first.eax, 7, 1);
    }
    leaves[RFP_LEAF_EXT_1] = ask_within(source, highest_ext, LEAF_EXT + 1, 0);
    const uint64_t xcr0 = (leaves[RFP_LEAF_1].ecx & LEAF_1_ECX_OSXSAVE) != 0 ? source->xcr0(source) : 0;

    decode_signature(leaves[RFP_LEAF_1].eax, cpu);
    decode_brand(source, highest_ext, cpu);
    rfp_cpu_features_decode(leaves, xcr0, cpu);
    if ((leaves[RFP_LEAF_1].ecx & LEAF_1_ECX_HYPERVISOR) != 0) {
        decode_hypervisor(source, cpu);
    }
    if (highest_ext >= LEAF_EXT + 0x1D) {
        decode_caches(source, LEAF_EXT + 0x1D, cpu);
    } else if (first.eax >= 4) {
        decode_caches(source, 4, cpu);
    }
}

#if defined(__x86_64__) || defined(__i386__)

static void query_processor(const rfp_cpuid_source *source, uint32_t leaf, uint32_t subleaf, rfp_cpuid_registers *out)
{
    (void)source;
    __cpuid_count(leaf, subleaf, out->eax, out->ebx, out->ecx, out->edx);
}

static uint64_t read_xcr0(const rfp_cpuid_source *source)
{
    (void)source;
    uint32_t low = 0;
    uint32_t high = 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

void rfp_cpu_read(rfp_cpu *cpu)
{
    const rfp_cpuid_source processor = {query_processor, read_xcr0, NULL};
    rfp_cpuid_decode(&processor, cpu);
}

#else

void rfp_cpu_read(rfp_cpu *cpu)
{
    memset(cpu, 0, sizeof *cpu);
}

#endif
