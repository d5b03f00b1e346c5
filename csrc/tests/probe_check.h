/* What the tests of csrc/probe share: a check that names its place and ends the program. */
#ifndef RFP_PROBE_CHECK_H
#define RFP_PROBE_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            (void)fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                              \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

#define CHECK_TEXT(actual, expected)                                                                                   \
    do {                                                                                                               \
        const char *actual_text = (actual);                                                                            \
        if (strcmp(actual_text, (expected)) != 0) {                                                                    \
            (void)fprintf(stderr, "%s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, #actual, actual_text,       \
                          (expected));                                                                                 \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

#endif
