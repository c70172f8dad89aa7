// The Arrow C data and stream interfaces, for C++: the structs of the installed header, so that
// both sides of the C interface mean the same ones.

#pragma once

#include "colonnade/arrow.h"  // IWYU pragma: export
