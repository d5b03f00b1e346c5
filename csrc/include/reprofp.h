/* reprofp: the C contract. */
#ifndef REPROFP_H
#define REPROFP_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define RFP_API __attribute__((visibility("default")))
#else
#define RFP_API
#endif

/* The version of this contract, as "major.minor.patch". */
RFP_API const char *rfp_version(void);

#endif
