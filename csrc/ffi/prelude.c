#include "reprofp.h"
#include "reprofp_canonical.h"
#include "reprofp_probe.h"
#include "reprofp_tensors.h"
