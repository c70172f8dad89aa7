// Blocks of rows and shapes of tables as bytes on a disk, little-endian, and back.

#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/status.h"
#include "questdb/endpoint/table_shape.h"
#include "questdb/wire/byte_reader.h"
#include "questdb/wire/decoded_block.h"

namespace colonnade::questdb::endpoint {

/// Appends to `image`. Symbols are written with the texts that the rows refer to.
void AppendShape(const TableShape& shape, std::vector<std::byte>& image);
void AppendBlock(const wire::DecodedBlock& block, std::vector<std::byte>& image);

/// \error ProtocolError saying what is wrong and where: everything is checked before it is used
Result<TableShape> ReadShape(wire::ByteReader& reader);
/// The block has memory of its own.
Result<wire::DecodedBlock> ReadBlock(wire::ByteReader& reader);

}  // namespace colonnade::questdb::endpoint
