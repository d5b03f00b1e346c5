/* Facets: a map of facet, facts and version, whose facts are in the order of their paths, none twice. */
#include <string.h>

#include "canonical.h"

enum { FACT_DEPTH = 3 }; /* the map, the list of facts, and the fact */

/* A path of which `count` texts follow at `at`; they were read before. */
typedef struct path {
    const uint8_t *at;
    size_t bytes;
    uint64_t count;
} path;

static int order_paths(path a, path b)
{
    rfp_reader left = {a.at, a.bytes, SIZE_MAX};
    rfp_reader right = {b.at, b.bytes, SIZE_MAX};

    for (uint64_t i = 0; i < a.count && i < b.count; i++) {
        rfp_head x = rfp_reader_take(&left);
        rfp_head y = rfp_reader_take(&right);
        int order = rfp_order(x.data, (size_t)x.count, y.data, (size_t)y.count);
        if (order != 0)
            return order;
    }
    return (a.count > b.count) - (a.count < b.count);
}

static bool take_path(rfp_reader *reader, path *taken)
{
    rfp_head list = rfp_reader_take(reader);

    if (list.kind != RFP_ITEM_LIST)
        return false;
    *taken = (path){reader->at, 0, list.count};
    for (uint64_t i = 0; i < list.count; i++)
        if (rfp_reader_take(reader).kind != RFP_ITEM_TEXT)
            return false;
    taken->bytes = (size_t)(reader->at - taken->at);
    return true;
}

static bool is_one_of(const rfp_head *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (text->count == strlen(words[i]) && memcmp(text->data, words[i], strlen(words[i])) == 0)
            return true;
    return false;
}

static bool take_reason(rfp_reader *reader)
{
    static const char *const REASONS[] = {"denied",         "timed out", "failed",
                                          "not loaded yet", "not asked", "newer schema"};
    rfp_head reason = rfp_reader_take(reader);

    return reason.kind == RFP_ITEM_TEXT && is_one_of(&reason, REASONS, sizeof REASONS / sizeof REASONS[0]);
}

static bool take_fact(rfp_reader *reader, path *taken)
{
    static const char *const OBSERVED = "observed";
    static const char *const ABSENT = "absent";
    static const char *const UNKNOWN = "unknown";
    rfp_head fact = rfp_reader_take(reader);

    if (fact.kind != RFP_ITEM_LIST || !take_path(reader, taken))
        return false;
    rfp_head state = rfp_reader_take(reader);
    if (state.kind != RFP_ITEM_TEXT)
        return false;
    if (fact.count == 2)
        return is_one_of(&state, &ABSENT, 1);
    if (fact.count != 3)
        return false;
    if (is_one_of(&state, &OBSERVED, 1))
        return rfp_reader_pass(reader, RFP_CANONICAL_DEPTH - FACT_DEPTH);
    return is_one_of(&state, &UNKNOWN, 1) && take_reason(reader);
}

static bool take_facts(rfp_reader *reader)
{
    rfp_head facts = rfp_reader_take(reader);
    path last = {NULL, 0, 0};

    if (facts.kind != RFP_ITEM_LIST)
        return false;
    for (uint64_t i = 0; i < facts.count; i++) {
        path taken;
        if (!take_fact(reader, &taken) || (i > 0 && order_paths(last, taken) >= 0))
            return false;
        last = taken;
    }
    return true;
}

bool rfp_facet_is_sure(const uint8_t *data, size_t bytes, rfp_span *name)
{
    rfp_reader reader = {data, bytes, SIZE_MAX};
    rfp_head map = rfp_reader_take(&reader);

    if (map.kind != RFP_ITEM_MAP || map.count != 3 || !rfp_reader_expect(&reader, "facet"))
        return false;
    rfp_head text = rfp_reader_take(&reader);
    if (text.kind != RFP_ITEM_TEXT || text.count == 0 || !rfp_reader_expect(&reader, "facts") || !take_facts(&reader))
        return false;
    if (!rfp_reader_expect(&reader, "version"))
        return false;
    rfp_head version = rfp_reader_take(&reader);
    *name = (rfp_span){text.data, (size_t)text.count};
    return version.kind == RFP_ITEM_NUMBER && version.count > 0 && reader.left == 0;
}
