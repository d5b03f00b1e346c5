/* The cache of digests of unchanged files. */
#include <stdlib.h>

#include "io.h"

struct rfp_cache {
    int nothing;
};

rfp_status rfp_cache_open(const char *path, rfp_cache **cache)
{
    (void)path;
    *cache = calloc(1, sizeof **cache);
    return *cache != NULL ? RFP_OK : RFP_ERR_MEMORY;
}

bool rfp_cache_find(const rfp_cache *cache, const rfp_stamp *stamp, uint8_t digest[RFP_DIGEST_BYTES])
{
    (void)cache;
    (void)stamp;
    (void)digest;
    return false;
}

bool rfp_cache_may_learn(rfp_cache *cache, int fd)
{
    (void)cache;
    (void)fd;
    return false;
}

void rfp_cache_put(rfp_cache *cache, const rfp_stamp *stamp, const uint8_t digest[RFP_DIGEST_BYTES])
{
    (void)cache;
    (void)stamp;
    (void)digest;
}

rfp_status rfp_cache_save(rfp_cache *cache)
{
    (void)cache;
    return RFP_OK;
}

void rfp_cache_free(rfp_cache *cache)
{
    free(cache);
}
