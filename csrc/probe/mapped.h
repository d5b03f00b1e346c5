/* The shared objects that are mapped into this process, as the loader lists them. */
#ifndef RFP_MAPPED_H
#define RFP_MAPPED_H

#include "reprofp_probe.h"

typedef struct rfp_mapped {
    char *path;       /* as the loader opened it */
    const char *base; /* the last part of that */
    uintptr_t begin;  /* of its segments, from the lowest to the highest */
    uintptr_t end;
} rfp_mapped;

typedef struct rfp_mapped_list {
    rfp_mapped *items;
    size_t count;
    size_t capacity;
} rfp_mapped_list;

/* List the objects that have a path. RFP_ERR_MEMORY. */
rfp_status rfp_mapped_list_read(rfp_mapped_list *list);
void rfp_mapped_list_free(rfp_mapped_list *list);

/* Whether an object whose base name begins with `prefix` is mapped. */
int rfp_mapped_list_has(const rfp_mapped_list *list, const char *prefix);

/* A handle on an object that is mapped, or NULL: it never loads one. Close it with dlclose. */
void *rfp_mapped_open(const rfp_mapped *object);

/* The address of the symbol that this object itself defines, or 0: dlsym also looks into what the object
   depends on, and would find the getters of another library. */
uintptr_t rfp_mapped_symbol(const rfp_mapped *object, void *handle, const char *name);

#endif
