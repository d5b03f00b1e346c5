#include "reprofp.h"
#include "reprofp_probe.h"
