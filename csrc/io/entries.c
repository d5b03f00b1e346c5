/* Opening what the walk found. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "tree.h"

void rfp_entry_fail(rfp_entry *entry, rfp_status status, int error)
{
    entry->status = (uint8_t)status;
    entry->system_error = error;
}

rfp_status rfp_status_of_vanished(int error)
{
    rfp_status status = rfp_status_of_errno(error);

    return status == RFP_ERR_NOT_FOUND || status == RFP_ERR_LOOP || status == RFP_ERR_KIND ? RFP_ERR_UNSTABLE : status;
}

static bool is_same_folder(int fd, const rfp_folder *folder)
{
    rfp_stamp now = {0};

    return rfp_stamp_read_folder(fd, &now) == RFP_OK && now.device == folder->stamp.device &&
           now.inode == folder->stamp.inode;
}

rfp_status rfp_folder_enter(int root, const rfp_folder *folder, int *fd)
{
    *fd = rfp_open_folder(root, folder->way, O_PATH);
    if (*fd < 0)
        return rfp_status_of_vanished(errno);
    if (is_same_folder(*fd, folder))
        return RFP_OK;
    (void)close(*fd);
    *fd = -1;
    errno = 0;
    return RFP_ERR_UNSTABLE;
}

rfp_status rfp_entry_open(const rfp_tree *tree, size_t index, int folder, int more_flags, int *fd)
{
    int link_flag = (tree->entries[index].flags & RFP_ENTRY_FOLLOWED) != 0 ? 0 : O_NOFOLLOW;

    *fd = rfp_open_at(folder, rfp_entry_name(tree, index), link_flag | more_flags);
    return *fd < 0 ? rfp_status_of_vanished(errno) : RFP_OK;
}

rfp_status rfp_entry_stamp(const rfp_tree *tree, int fd, rfp_stamp *stamp, bool *learns)
{
    *learns = tree->options.cache != NULL && rfp_cache_may_learn(tree->options.cache, fd);
    return *learns ? rfp_stamp_take_born(fd, stamp) : rfp_stamp_take(fd, stamp);
}
