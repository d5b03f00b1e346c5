/* Canonical bytes (docs/formats/canonical.md): is this exactly what an encoder would have written?
 *
 * One pass, no memory, nothing kept. The answer is "surely" or "not surely": false says that the bytes are
 * refused, or hold something (a date, a very long number) that is judged elsewhere; true is never wrong.
 */
#ifndef REPROFP_CANONICAL_H
#define REPROFP_CANONICAL_H

#include <stdbool.h>

#include "reprofp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How deep lists and maps may nest. */
#define RFP_CANONICAL_DEPTH 32

/* Whether the bytes are surely one canonical value of at most max_items items, which nest at most max_depth
 * (itself at most RFP_CANONICAL_DEPTH) deep. A key, a list and a map are an item each. */
RFP_API bool rfp_canonical_is_sure(const uint8_t *data, size_t bytes, size_t max_items, unsigned max_depth);

/* Whether the bytes are surely a facet (docs/formats/facet.md); its name is then at *name, within data. */
RFP_API bool rfp_facet_is_sure(const uint8_t *data, size_t bytes, rfp_span *name);

#ifdef __cplusplus
}
#endif

#endif
