/* Decoding of CPUID, apart from the instruction, so that tests can decode other machines. */
#ifndef RFP_CPUID_DECODE_H
#define RFP_CPUID_DECODE_H

#include "reprofp_probe.h"

typedef struct rfp_cpuid_registers {
    uint32_t eax, ebx, ecx, edx;
} rfp_cpuid_registers;

/* Where CPUID comes from: the instruction, or a table in a test. */
typedef struct rfp_cpuid_source {
    void (*query)(const struct rfp_cpuid_source *source, uint32_t leaf, uint32_t subleaf, rfp_cpuid_registers *out);
    uint64_t (*xcr0)(const struct rfp_cpuid_source *source); /* asked only where the OS enabled XGETBV */
    const void *state;
} rfp_cpuid_source;

void rfp_cpuid_decode(const rfp_cpuid_source *source, rfp_cpu *cpu);

/* The leaves that features are read from. */
enum rfp_feature_leaf { RFP_LEAF_1, RFP_LEAF_7_0, RFP_LEAF_7_1, RFP_LEAF_EXT_1, RFP_LEAF_COUNT };

/* Fill cpu->features from those leaves and the state that the OS saves. */
void rfp_cpu_features_decode(const rfp_cpuid_registers leaves[RFP_LEAF_COUNT], uint64_t xcr0, rfp_cpu *cpu);

#endif
