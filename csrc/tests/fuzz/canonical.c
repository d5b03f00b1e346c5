/* Canonical bytes: whatever they are, no byte beyond them is read; and what surely is one value is none any more where
 * its last byte is missing, or one more follows. */
#include "reprofp_canonical.h"

#include "fuzz.h"

/* A copy without a byte to spare, so that a sanitizer sees what is read beyond it. */
static bool is_sure(const uint8_t *data, size_t bytes)
{
    uint8_t *copy = malloc(bytes > 0 ? bytes : 1);

    CHECK(copy != NULL);
    if (bytes > 0)
        memcpy(copy, data, bytes);
    rfp_span name = {NULL, 0};
    bool facet = rfp_facet_is_sure(copy, bytes, &name);
    bool sure = rfp_canonical_is_sure(copy, bytes, SIZE_MAX, RFP_CANONICAL_DEPTH);
    CHECK(!facet || (sure && name.bytes > 0 && name.bytes < bytes));
    CHECK(sure || !rfp_canonical_is_sure(copy, bytes, 100, RFP_CANONICAL_DEPTH));
    free(copy);
    return sure;
}

/* Bytes that are often items: a fuzzer without coverage seldom makes a map by itself. */
static void shape(const uint8_t *data, size_t bytes, uint8_t *shaped)
{
    static const uint8_t COMMON[] = {0x80, 0x81, 0x82, 0x90, 0x91, 0x92, 0xa0, 0xa1, 0xa1, '$',  'v',  'a',
                                     0xc0, 0xc4, 0xcc, 0xcd, 0xcf, 0xd0, 0xd3, 0xd9, 0xdc, 0xde, 0xcb, 0x01};

    for (size_t i = 0; i < bytes; i++)
        shaped[i] = data[i] < 0xc0 ? COMMON[data[i] % sizeof COMMON] : data[i];
}

static void check(const uint8_t *data, size_t bytes)
{
    enum { MOST = 64 };
    uint8_t longer[MOST + 1];

    if (!is_sure(data, bytes) || bytes > MOST)
        return;
    CHECK(!is_sure(data, bytes - 1));
    memcpy(longer, data, bytes);
    longer[bytes] = 0;
    CHECK(!is_sure(longer, bytes + 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    uint8_t *shaped = malloc(bytes > 0 ? bytes : 1);

    CHECK(shaped != NULL);
    check(data, bytes);
    shape(data, bytes, shaped);
    for (size_t begin = 0; begin < bytes && begin < 32; begin++)
        for (size_t length = 1; length <= bytes - begin && length < 32; length++)
            check(shaped + begin, length);
    free(shaped);
    return 0;
}
