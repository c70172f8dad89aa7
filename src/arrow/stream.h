// Arrow streams made of C++ objects.

#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "arrow/owners.h"
#include "base/status.h"

namespace colonnade::arrow {

/// A deep copy.
/// \error LimitExceeded if memory runs out.
Result<Schema> CopySchema(const ArrowSchema& schema);

/// Where the record batches of a stream come from. Used from one thread at a time.
class BatchSource {
 public:
  virtual ~BatchSource() = default;
  /// A new copy of the schema.
  virtual Result<Schema> GetSchema() = 0;
  /// The next record batch, or nothing at the end.
  virtual Result<std::optional<Array>> Next() = 0;
};

/// A stream over `source`, destroyed when the stream is released.
///
/// A failure becomes the errno that fits its code (ECANCELED, ENOMEM, EIO, EINVAL …) and the text
/// of get_last_error; the stream then stays failed with the same error. After the end, every call
/// gives the end.
ArrayStream MakeStream(std::unique_ptr<BatchSource> source);

/// A stream of batches that are in memory, in order.
ArrayStream MakeStream(Schema schema, std::vector<Array> batches);

/// Reads a stream of anybody's: the schema is validated at Open, every batch before it is handed
/// out.
class StreamReader {
 public:
  /// Takes the stream over.
  ///
  /// \error what the stream says; InvalidData if it or its schema is malformed or not a struct.
  static Result<StreamReader> Open(ArrayStream stream);

  const ArrowSchema* schema() const { return schema_.get(); }
  /// The next record batch, or nothing at the end.
  Result<std::optional<Array>> Next();

 private:
  StreamReader(ArrayStream stream, Schema schema)
      : stream_(std::move(stream)), schema_(std::move(schema)) {}
  ArrayStream stream_;
  Schema schema_;
  bool finished_ = false;
};

}  // namespace colonnade::arrow
