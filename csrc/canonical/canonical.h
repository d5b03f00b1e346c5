/* Reading canonical bytes item by item. */
#ifndef RFP_CANONICAL_CANONICAL_H
#define RFP_CANONICAL_CANONICAL_H

#include "reprofp_canonical.h"

/* What is left to read, and how many items may still come. */
typedef struct rfp_reader {
    const uint8_t *at;
    size_t left;
    size_t items;
} rfp_reader;

typedef enum rfp_item {
    RFP_ITEM_BAD,
    RFP_ITEM_SCALAR,
    RFP_ITEM_NUMBER, /* an integer that is not negative; count has it */
    RFP_ITEM_TEXT,   /* valid UTF-8; its bytes are at data */
    RFP_ITEM_BYTES,
    RFP_ITEM_LIST, /* count items follow */
    RFP_ITEM_MAP,  /* count keys and values follow */
} rfp_item;

typedef struct rfp_head {
    rfp_item kind;
    uint64_t count;
    const uint8_t *data;
} rfp_head;

/* Read one item in its only form, or the head of a list or map. */
rfp_head rfp_reader_take(rfp_reader *reader);

/* Pass over a whole value, which may nest depth deep. */
bool rfp_reader_pass(rfp_reader *reader, unsigned depth);

/* Take the text that must come now. */
bool rfp_reader_expect(rfp_reader *reader, const char *text);

/* The order of bytes: less than, equal to or greater than 0. */
int rfp_order(const uint8_t *a, size_t a_bytes, const uint8_t *b, size_t b_bytes);

bool rfp_text_is_utf8(const uint8_t *text, size_t bytes);

#endif
