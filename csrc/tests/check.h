/* What the C tests share: a check that names its place and ends the program, and levels in turn. */
#ifndef RFP_TESTS_CHECK_H
#define RFP_TESTS_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reprofp.h"

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            (void)fprintf(stderr, "%s:%d: failed: %s (level %s)\n", __FILE__, __LINE__, #condition,                    \
                          rfp_blake3_level_name(rfp_blake3_level()));                                                  \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* Run a test at each level that this build and processor have. */
static inline void for_each_level(void (*test)(void))
{
    for (int level = RFP_LEVEL_PORTABLE; level < RFP_LEVEL_BEST; level++) {
        rfp_status status = rfp_blake3_force_level((rfp_level)level);
        if (status != RFP_OK) {
            (void)printf("level %s: %s\n", rfp_blake3_level_name((rfp_level)level), rfp_strerror(status));
            continue;
        }
        CHECK((int)rfp_blake3_level() == level);
        test();
    }
    CHECK(rfp_blake3_force_level(RFP_LEVEL_BEST) == RFP_OK);
}

/* Bytes of a prime period, so that swapped blocks show. */
static inline uint8_t *make_input(size_t bytes)
{
    uint8_t *input = malloc(bytes + 1);

    CHECK(input != NULL);
    for (size_t i = 0; i < bytes; i++)
        input[i] = (uint8_t)(i % 251);
    return input;
}

/* Numbers that look random and are the same everywhere (xorshift64*). */
static inline uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

#endif
