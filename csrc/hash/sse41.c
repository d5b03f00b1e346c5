/* BLAKE3 with SSE4.1: four lanes. */
#define LANES 4
#define TURN_BY_SHUFFLE
#include "vectors.h"

INLINE vec load_quads(const uint8_t *const at[LANES], int lane, size_t offset)
{
    return load_quad(at[lane] + offset);
}

#include "lanes.h"

const rfp_kernel rfp_kernel_sse41 = {RFP_LEVEL_SSE41, compress, run, run_row};
