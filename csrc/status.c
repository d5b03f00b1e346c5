#include "reprofp.h"

const char *rfp_strerror(rfp_status status)
{
    switch (status) {
    case RFP_OK:
        return "no error";
    case RFP_ERR_ARGUMENT:
        return "a value that is not allowed";
    case RFP_ERR_MEMORY:
        return "out of memory";
    case RFP_ERR_UNSUPPORTED:
        return "not supported by this processor or system";
    case RFP_ERR_CANCELLED:
        return "cancelled";
    case RFP_ERR_NOT_FOUND:
        return "no such file or folder";
    case RFP_ERR_DENIED:
        return "permission denied";
    case RFP_ERR_KIND:
        return "not a regular file or folder";
    case RFP_ERR_LOOP:
        return "symbolic links in a loop";
    case RFP_ERR_UNSTABLE:
        return "changed while it was read";
    case RFP_ERR_LIMIT:
        return "too deep, too many or too long";
    case RFP_ERR_IO:
        return "could not be read";
    }
    return "unknown status";
}
