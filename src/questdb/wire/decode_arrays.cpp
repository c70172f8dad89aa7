// Columns of arrays: a shape and elements in every row become nested lists.

#include <array>
#include <limits>
#include <vector>

#include "questdb/wire/column_decoder.h"

namespace colonnade::questdb::wire {
namespace {

constexpr size_t kElementBytes = 8;

// The shape of one row's array, where it stands in the message.
struct Shape {
  size_t dimensions = 0;
  const std::byte* extents = nullptr;

  uint32_t extent(size_t dimension) const {
    return LoadLittle<uint32_t>(extents + dimension * sizeof(uint32_t));
  }
};

// Entries of the levels of all rows together. Entry 0 is not used: it would be the rows.
struct Totals {
  std::array<int64_t, kMaxArrayDimensions> entries{};
  int64_t elements = 0;
};

// Why a row's array that begins at the reader's position cannot be read.
Status BadArray(ByteReader reader, size_t dimensions) {
  COLONNADE_ASSIGN_OR_RETURN(const uint8_t own, reader.TakeLittle<uint8_t>("number of dimensions"));
  if (own < 1 || own > kMaxArrayDimensions) {
    return ProtocolError("number of dimensions at byte ", reader.position() - 1, ": ", own,
                         ", must be 1 to ", kMaxArrayDimensions);
  }
  if (dimensions != 0 && own != dimensions) {
    return ProtocolError("number of dimensions at byte ", reader.position() - 1, ": ", own,
                         ", arrays before it have ", dimensions);
  }
  COLONNADE_RETURN_IF_ERROR(reader.Take(own * sizeof(uint32_t), "extents of an array").status());
  return reader.Take(reader.remaining() + 1, "elements of an array").status();
}

// Adds the array that begins at byte `at` of `wire` to the totals.
// \returns the bytes it takes; 0 if it is not right or not all there
Result<size_t> AddArray(Bytes wire, size_t at, size_t* dimensions, BlockContext& context,
                        Totals* totals) {
  const size_t left = wire.size() - at;
  if (left == 0) return 0;
  const auto own = static_cast<uint8_t>(wire[at]);
  if (*dimensions == 0 && own <= kMaxArrayDimensions) *dimensions = own;
  if (own == 0 || own != *dimensions) return 0;
  const size_t head = 1 + own * sizeof(uint32_t);
  if (left < head) return 0;

  const Shape shape{own, wire.data() + at + 1};
  const DecodeLimits& limits = context.options.limits;
  // A limit on every prefix is what keeps a zero further on from hiding an overflow.
  const int64_t most = std::min<int64_t>(limits.max_array_elements, int64_t{1} << 31);
  int64_t product = 1;
  for (size_t d = 0; d < shape.dimensions; ++d) {
    if (d > 0) {
      totals->entries[d] += product;
      context.list_nodes += product;
    }
    product *= shape.extent(d);  // at most 2^31 times 2^32
    if (product > most) {
      return LimitExceeded("array at byte ", context.reader.position() + at, ": more than ", most,
                           " elements");
    }
  }
  totals->elements += product;
  if (context.list_nodes > limits.max_list_nodes) {
    return LimitExceeded("array at byte ", context.reader.position() + at, ": more than ",
                         limits.max_list_nodes, " lists in the block");
  }
  if (totals->elements > std::numeric_limits<int32_t>::max()) {
    return LimitExceeded("array at byte ", context.reader.position() + at, ": more than ",
                         std::numeric_limits<int32_t>::max(), " elements in the column");
  }
  const size_t elements = static_cast<size_t>(product) * kElementBytes;
  return left - head < elements ? size_t{0} : head + elements;
}

// The offsets of one level while they are written.
struct LevelWriter {
  int32_t* next = nullptr;
  int32_t end = 0;

  void Write(int64_t count, uint32_t extent) {
    for (int64_t i = 0; i < count; ++i) {
      end += static_cast<int32_t>(extent);
      *next++ = end;
    }
  }
};

}  // namespace

Status DecodeArrayColumn(BlockContext& context, const Presence& presence, DecodedColumn* column) {
  // First what is there and how much memory it takes, then the copy.
  const Bytes wire = context.reader.rest();
  Totals totals;
  size_t dimensions = 0;
  size_t end = 0;
  for (int64_t value = 0; value < presence.values; ++value) {
    COLONNADE_ASSIGN_OR_RETURN(const size_t bytes,
                               AddArray(wire, end, &dimensions, context, &totals));
    if (bytes == 0) {
      context.reader.Skip(end);
      return BadArray(context.reader, dimensions);
    }
    end += bytes;
  }
  context.reader.Skip(end);

  column->dimensions = static_cast<int>(dimensions);
  const size_t levels = std::max<size_t>(dimensions, 1);
  std::vector<LevelWriter> writers(levels);
  for (size_t level = 0; level < levels; ++level) {
    const auto entries = static_cast<size_t>(level == 0 ? presence.rows : totals.entries[level]);
    const size_t bytes = (entries + 1) * sizeof(int32_t);
    COLONNADE_ASSIGN_OR_RETURN(BufferPool::Piece piece, context.Allocate(bytes));
    writers[level].next = reinterpret_cast<int32_t*>(piece.data);
    *writers[level].next++ = 0;
    column->list_offsets.push_back({std::move(piece.owner), piece.data, bytes});
  }
  const size_t element_bytes = static_cast<size_t>(totals.elements) * kElementBytes;
  COLONNADE_ASSIGN_OR_RETURN(BufferPool::Piece elements, context.Allocate(element_bytes));
  std::byte* target = elements.data;

  const std::byte* from = wire.data();
  for (int64_t row = 0; row < presence.rows; ++row) {
    if (!presence.all() && (presence.valid[row / 64] >> (row % 64) & 1) == 0) {
      writers[0].Write(1, 0);
      continue;
    }
    const Shape shape{dimensions, from + 1};
    int64_t count = 1;
    for (size_t d = 0; d < dimensions; ++d) {
      writers[d].Write(count, shape.extent(d));
      count *= shape.extent(d);
    }
    from += 1 + dimensions * sizeof(uint32_t);
    const size_t bytes = static_cast<size_t>(count) * kElementBytes;
    if (bytes == 0) continue;
    std::memcpy(target, from, bytes);
    from += bytes;
    target += bytes;
  }
  column->values = {std::move(elements.owner), elements.data, element_bytes};
  return {};
}

}  // namespace colonnade::questdb::wire
