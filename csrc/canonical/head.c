/* One item of canonical msgpack: a scalar, text or bytes, or the head of a list or map, each in its shortest form.
 * The first bytes are those of https://github.com/msgpack/msgpack/blob/master/spec.md. */
#include <string.h>

#include "canonical.h"

static const rfp_head BAD = {RFP_ITEM_BAD, 0, NULL};

static bool take_number(rfp_reader *reader, unsigned width, uint64_t *number)
{
    if (reader->left < width)
        return false;
    *number = 0;
    for (unsigned i = 0; i < width; i++)
        *number = *number << 8 | reader->at[i];
    reader->at += width;
    reader->left -= width;
    return true;
}

static rfp_head take_bytes(rfp_reader *reader, rfp_item kind, uint64_t bytes)
{
    rfp_head head = {kind, bytes, reader->at};

    if (bytes > reader->left || (kind == RFP_ITEM_TEXT && !rfp_text_is_utf8(reader->at, (size_t)bytes)))
        return BAD;
    reader->at += bytes;
    reader->left -= (size_t)bytes;
    return head;
}

/* A length that follows in `width` bytes, and would not have fitted less. */
static rfp_head take_sized(rfp_reader *reader, rfp_item kind, unsigned width, uint64_t least)
{
    uint64_t count;

    if (!take_number(reader, width, &count) || count < least)
        return BAD;
    if (kind == RFP_ITEM_LIST || kind == RFP_ITEM_MAP)
        return (rfp_head){kind, count, NULL};
    return take_bytes(reader, kind, count);
}

static rfp_head take_unsigned(rfp_reader *reader, unsigned width, uint64_t least)
{
    rfp_head head = {RFP_ITEM_NUMBER, 0, NULL};

    return take_number(reader, width, &head.count) && head.count >= least ? head : BAD;
}

/* A negative number in `width` bytes, less than what fewer bytes hold. */
static rfp_head take_negative(rfp_reader *reader, unsigned width, int64_t most)
{
    uint64_t raw;

    if (!take_number(reader, width, &raw))
        return BAD;
    unsigned unused = 64 - 8 * width;
    int64_t number = (int64_t)(raw << unused) >> unused;
    return number < most ? (rfp_head){RFP_ITEM_SCALAR, 0, NULL} : BAD;
}

/* A float64; infinities and NaN have another form. */
static rfp_head take_float(rfp_reader *reader)
{
    uint64_t bits;

    if (!take_number(reader, 8, &bits) || (bits >> 52 & 0x7ff) == 0x7ff)
        return BAD;
    return (rfp_head){RFP_ITEM_SCALAR, 0, NULL};
}

/* First bytes from 0xc0 to 0xdf. */
static rfp_head take_coded(rfp_reader *reader, uint8_t code)
{
    switch (code) {
    case 0xc0: /* nil */
    case 0xc2: /* false */
    case 0xc3: /* true */
        return (rfp_head){RFP_ITEM_SCALAR, 0, NULL};
    case 0xc4:
        return take_sized(reader, RFP_ITEM_BYTES, 1, 0);
    case 0xc5:
        return take_sized(reader, RFP_ITEM_BYTES, 2, 0x100);
    case 0xc6:
        return take_sized(reader, RFP_ITEM_BYTES, 4, 0x10000);
    case 0xcb:
        return take_float(reader);
    case 0xcc:
        return take_unsigned(reader, 1, 0x80);
    case 0xcd:
        return take_unsigned(reader, 2, 0x100);
    case 0xce:
        return take_unsigned(reader, 4, 0x10000);
    case 0xcf:
        return take_unsigned(reader, 8, UINT64_C(0x100000000));
    case 0xd0:
        return take_negative(reader, 1, -0x20);
    case 0xd1:
        return take_negative(reader, 2, -0x80);
    case 0xd2:
        return take_negative(reader, 4, -0x8000);
    case 0xd3:
        return take_negative(reader, 8, -INT64_C(0x80000000));
    case 0xd9:
        return take_sized(reader, RFP_ITEM_TEXT, 1, 0x20);
    case 0xda:
        return take_sized(reader, RFP_ITEM_TEXT, 2, 0x100);
    case 0xdb:
        return take_sized(reader, RFP_ITEM_TEXT, 4, 0x10000);
    case 0xdc:
        return take_sized(reader, RFP_ITEM_LIST, 2, 0x10);
    case 0xdd:
        return take_sized(reader, RFP_ITEM_LIST, 4, 0x10000);
    case 0xde:
        return take_sized(reader, RFP_ITEM_MAP, 2, 0x10);
    case 0xdf:
        return take_sized(reader, RFP_ITEM_MAP, 4, 0x10000);
    default: /* extension types, float32, and what is not used */
        return BAD;
    }
}

rfp_head rfp_reader_take(rfp_reader *reader)
{
    if (reader->left == 0 || reader->items == 0)
        return BAD;
    uint8_t code = *reader->at++;
    reader->left--;
    reader->items--;
    if (code < 0x80)
        return (rfp_head){RFP_ITEM_NUMBER, code, NULL};
    if (code < 0x90)
        return (rfp_head){RFP_ITEM_MAP, code & 0xfU, NULL};
    if (code < 0xa0)
        return (rfp_head){RFP_ITEM_LIST, code & 0xfU, NULL};
    if (code < 0xc0)
        return take_bytes(reader, RFP_ITEM_TEXT, code & 0x1fU);
    if (code < 0xe0)
        return take_coded(reader, code);
    return (rfp_head){RFP_ITEM_SCALAR, 0, NULL}; /* -32 to -1 */
}

bool rfp_reader_expect(rfp_reader *reader, const char *text)
{
    rfp_head head = rfp_reader_take(reader);

    return head.kind == RFP_ITEM_TEXT && head.count == strlen(text) && memcmp(head.data, text, strlen(text)) == 0;
}

int rfp_order(const uint8_t *a, size_t a_bytes, const uint8_t *b, size_t b_bytes)
{
    size_t shared = a_bytes < b_bytes ? a_bytes : b_bytes;
    int order = shared == 0 ? 0 : memcmp(a, b, shared);

    return order != 0 ? order : (a_bytes > b_bytes) - (a_bytes < b_bytes);
}
