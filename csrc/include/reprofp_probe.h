/* reprofp: the C contract of the probes. */
#ifndef REPROFP_PROBE_H
#define REPROFP_PROBE_H

#include "reprofp.h"

#endif
