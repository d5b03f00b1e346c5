#include "mapped.h"

#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

static rfp_status grow(rfp_mapped_list *list)
{
    if (list->count < list->capacity) {
        return RFP_OK;
    }
    const size_t capacity = list->capacity == 0 ? 64 : 2 * list->capacity;
    rfp_mapped *items = realloc(list->items, capacity * sizeof *items);
    if (items == NULL) {
        return RFP_ERR_MEMORY;
    }
    list->items = items;
    list->capacity = capacity;
    return RFP_OK;
}

static void measure(const struct dl_phdr_info *info, rfp_mapped *object)
{
    object->begin = UINTPTR_MAX;
    object->end = 0;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD) {
            continue;
        }
        const uintptr_t begin = (uintptr_t)(info->dlpi_addr + segment->p_vaddr);
        const uintptr_t end = begin + (uintptr_t)segment->p_memsz;
        object->begin = begin < object->begin ? begin : object->begin;
        object->end = end > object->end ? end : object->end;
    }
}

/* Called under the loader's lock: it only copies, and calls nothing of dlfcn.h. */
static int add_object(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    rfp_mapped_list *list = data;
    if (info->dlpi_name == NULL || info->dlpi_name[0] == '\0') {
        return 0; /* the program itself, or the vDSO */
    }
    if (grow(list) != 0) {
        return RFP_ERR_MEMORY;
    }
    rfp_mapped *object = &list->items[list->count];
    measure(info, object);
    object->path = strdup(info->dlpi_name);
    if (object->path == NULL) {
        return RFP_ERR_MEMORY;
    }
    const char *slash = strrchr(object->path, '/');
    object->base = slash != NULL ? slash + 1 : object->path;
    list->count++;
    return 0;
}

rfp_status rfp_mapped_list_read(rfp_mapped_list *list)
{
    memset(list, 0, sizeof *list);
    const rfp_status error = (rfp_status)dl_iterate_phdr(add_object, list);
    if (error != RFP_OK) {
        rfp_mapped_list_free(list);
    }
    return error;
}

void rfp_mapped_list_free(rfp_mapped_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].path);
    }
    free(list->items);
    memset(list, 0, sizeof *list);
}

int rfp_mapped_list_has(const rfp_mapped_list *list, const char *prefix)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strncmp(list->items[i].base, prefix, strlen(prefix)) == 0) {
            return 1;
        }
    }
    return 0;
}

void *rfp_mapped_open(const rfp_mapped *object)
{
    return dlopen(object->path, RTLD_NOLOAD | RTLD_LAZY);
}

uintptr_t rfp_mapped_symbol(const rfp_mapped *object, void *handle, const char *name)
{
    const uintptr_t address = (uintptr_t)dlsym(handle, name);
    return address >= object->begin && address < object->end ? address : 0;
}
