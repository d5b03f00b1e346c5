/* A stand-in for libFuzzer: RUNS inputs of a seeded sequence, each a variation of what came before or new.
 *     fuzz_NAME [RUNS [SEED]]
 */
#include "fuzz.h"

enum { MOST = 600 };

static uint64_t state;

static size_t pick(size_t below)
{
    return (size_t)(next_random(&state) % below);
}

/* Bytes that mean something to a target: of names, of UTF-8 at its limits, of lengths. */
static uint8_t pick_byte(void)
{
    static const uint8_t BYTES[] = {0,    1,    2,    4,    8,    16,   31,   32,   63,   64,   '\\', '\n',
                                    '\r', 'n',  '/',  ' ',  0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbd, 0xbf,
                                    0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff};

    return pick(2) == 0 ? BYTES[pick(sizeof BYTES)] : (uint8_t)pick(256);
}

static size_t vary(uint8_t *data, size_t bytes)
{
    if (pick(4) == 0)
        bytes = pick(MOST);
    for (size_t changes = pick(4) == 0 ? bytes : pick(8); changes > 0 && bytes > 0; changes--)
        data[pick(bytes)] = pick_byte();
    return bytes;
}

int main(int argc, char **argv)
{
    static uint8_t data[MOST];
    unsigned long runs = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
    size_t bytes = 0;

    state = argc > 2 ? strtoul(argv[2], NULL, 10) | 1 : 1;
    for (unsigned long i = 0; i < runs; i++) {
        bytes = vary(data, bytes);
        /* a copy of just this size, so that reading on is found out */
        uint8_t *copy = malloc(bytes + 1);
        CHECK(copy != NULL);
        memcpy(copy + 1, data, bytes);
        (void)LLVMFuzzerTestOneInput(copy + 1, bytes);
        free(copy);
    }
    (void)printf("%lu inputs\n", runs);
    return 0;
}
