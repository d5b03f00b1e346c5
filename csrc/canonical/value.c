/* Whole values: keys in their order, tagged maps, depth; and UTF-8 by the table of RFC 3629, section 4. */
#include <string.h>

#include "canonical.h"

enum { LONGEST_INTEGER = 4000 }; /* digits; longer ones are judged elsewhere */

static bool is_tail(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* How many bytes the character at p has, of `left` that are there; 0 where it is none. */
static size_t measure_character(const uint8_t *p, size_t left)
{
    if (p[0] < 0xc2)
        return 0;
    if (p[0] < 0xe0)
        return left >= 2 && is_tail(p[1]) ? 2 : 0;
    if (left < 3 || !is_tail(p[1]) || !is_tail(p[2]))
        return 0;
    if (p[0] < 0xf0) {
        bool is_short = p[0] == 0xe0 && p[1] < 0xa0;
        bool is_surrogate = p[0] == 0xed && p[1] > 0x9f;
        return is_short || is_surrogate ? 0 : 3;
    }
    if (p[0] > 0xf4 || left < 4 || !is_tail(p[3]))
        return 0;
    return (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f) ? 0 : 4;
}

bool rfp_text_is_utf8(const uint8_t *text, size_t bytes)
{
    for (size_t at = 0; at < bytes;) {
        uint64_t eight;
        if (bytes - at >= sizeof eight &&
            (memcpy(&eight, text + at, sizeof eight), eight & UINT64_C(0x8080808080808080)) == 0) {
            at += sizeof eight;
            continue;
        }
        size_t length = text[at] < 0x80 ? 1 : measure_character(text + at, bytes - at);
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

/* Decimal digits of a number that 64 bits do not hold. */
static bool is_long_integer(const uint8_t *text, size_t bytes)
{
    static const char *const LEAST[2] = {"18446744073709551616", "9223372036854775809"};
    bool is_negative = bytes > 0 && text[0] == '-';
    const uint8_t *digits = text + is_negative;
    size_t count = bytes - is_negative;
    const char *least = LEAST[is_negative];

    if (count < strlen(least) || count > LONGEST_INTEGER || digits[0] == '0')
        return false;
    for (size_t i = 0; i < count; i++)
        if (digits[i] < '0' || digits[i] > '9')
            return false;
    return count > strlen(least) || memcmp(digits, least, count) >= 0;
}

static bool is_text(const rfp_head *head, const char *text)
{
    return head->kind == RFP_ITEM_TEXT && head->count == strlen(text) && memcmp(head->data, text, strlen(text)) == 0;
}

/* The rest of a map of two whose first key was "$". Dates are judged elsewhere. */
static bool pass_tag(rfp_reader *reader)
{
    rfp_head kind = rfp_reader_take(reader);

    if (!rfp_reader_expect(reader, "v"))
        return false;
    rfp_head text = rfp_reader_take(reader);
    if (text.kind != RFP_ITEM_TEXT)
        return false;
    if (is_text(&kind, "int"))
        return is_long_integer(text.data, (size_t)text.count);
    return is_text(&kind, "float") && (is_text(&text, "nan") || is_text(&text, "inf") || is_text(&text, "-inf"));
}

static bool key_is_escaped(const rfp_head *key)
{
    return key->count == 0 || key->data[0] != '$' || (key->count > 1 && key->data[1] == '$');
}

static bool pass_map(rfp_reader *reader, uint64_t count, unsigned depth)
{
    rfp_head last = {RFP_ITEM_BAD, 0, NULL};

    for (uint64_t i = 0; i < count; i++) {
        rfp_head key = rfp_reader_take(reader);
        if (key.kind != RFP_ITEM_TEXT)
            return false;
        if (count == 2 && i == 0 && is_text(&key, "$"))
            return pass_tag(reader);
        if (!key_is_escaped(&key) || depth == 0)
            return false;
        if (i > 0 && rfp_order(last.data, (size_t)last.count, key.data, (size_t)key.count) >= 0)
            return false;
        if (!rfp_reader_pass(reader, depth - 1))
            return false;
        last = key;
    }
    return depth > 0;
}

bool rfp_reader_pass(rfp_reader *reader, unsigned depth)
{
    rfp_head head = rfp_reader_take(reader);

    if (head.kind == RFP_ITEM_MAP)
        return pass_map(reader, head.count, depth);
    if (head.kind != RFP_ITEM_LIST)
        return head.kind != RFP_ITEM_BAD;
    if (depth == 0)
        return false;
    for (uint64_t i = 0; i < head.count; i++)
        if (!rfp_reader_pass(reader, depth - 1))
            return false;
    return true;
}

bool rfp_canonical_is_sure(const uint8_t *data, size_t bytes, size_t max_items, unsigned max_depth)
{
    rfp_reader reader = {data, bytes, max_items};

    if (max_depth > RFP_CANONICAL_DEPTH)
        max_depth = RFP_CANONICAL_DEPTH;
    return rfp_reader_pass(&reader, max_depth) && reader.left == 0;
}
