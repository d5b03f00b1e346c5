#include "reprofp.h"
