// Colonnade for C: SQL over arrays and streams of columns, Arrow C structs in and out.
//
// Link with `pkg-config --cflags --libs colonnade`. abi.h says how to read the declarations.

#pragma once

#include "colonnade/abi.h"        // IWYU pragma: export
#include "colonnade/arrow.h"      // IWYU pragma: export
#include "colonnade/error.h"      // IWYU pragma: export
#include "colonnade/session.h"    // IWYU pragma: export
#include "colonnade/statement.h"  // IWYU pragma: export
#include "colonnade/stream.h"     // IWYU pragma: export
#include "colonnade/table.h"      // IWYU pragma: export
