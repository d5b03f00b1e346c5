/* What the fuzz targets share. A target is a function of some bytes; libFuzzer calls it (make fuzz), or
 * driver.c with a seeded sequence (in the C tests, with any compiler). */
#ifndef RFP_TESTS_FUZZ_H
#define RFP_TESTS_FUZZ_H

#include "../check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* The next number of the input, which is read from its front; 0 at its end. */
typedef struct feed {
    const uint8_t *data;
    size_t bytes;
} feed;

static inline size_t take(feed *f, size_t width)
{
    size_t number = 0;

    for (size_t i = 0; i < width && f->bytes > 0; i++, f->bytes--)
        number = number << 8 | *f->data++;
    return number;
}

/* Use a level that is there. */
static inline void force_some_level(size_t number)
{
    if (rfp_blake3_force_level((rfp_level)(number % (RFP_LEVEL_BEST + 1))) != RFP_OK)
        CHECK(rfp_blake3_force_level(RFP_LEVEL_BEST) == RFP_OK);
}

/* Some input, unaligned, longer than what a fuzzer makes: the fuzzed bytes over a period of 251. */
static inline const uint8_t *make_text(const feed *f, size_t *bytes)
{
    enum { MOST = 300 * 1024 };
    static uint8_t text[MOST];
    size_t kept = f->bytes < 4096 ? f->bytes : 4096;

    size_t stale = text[MOST - 2] == 0 ? MOST : 4097; /* all at first, then what the last input covered */
    for (size_t i = 0; i < stale; i++)
        text[i] = (uint8_t)(i % 251);
    if (kept > 0)
        memcpy(text + 1, f->data, kept);
    *bytes = MOST;
    return text;
}

#endif
