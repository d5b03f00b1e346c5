#include "reprofp.h"

const char *rfp_version(void)
{
    return RFP_VERSION;
}
