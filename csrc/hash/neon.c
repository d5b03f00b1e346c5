/* BLAKE3 with NEON: four lanes, and registers enough for state and message. */
#include <arm_neon.h>

#define LANES 4
#include "vectors.h"

INLINE vec load_quads(const uint8_t *const at[LANES], int lane, size_t offset)
{
    return load_quad(at[lane] + offset);
}

#include "lanes.h"

const rfp_kernel rfp_kernel_neon = {RFP_LEVEL_NEON, compress, run, run_row};
