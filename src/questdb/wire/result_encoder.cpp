#include "questdb/wire/result_encoder.h"

#include <zstd.h>

#include <new>
#include <vector>

#include "questdb/wire/frame.h"

namespace colonnade::questdb::wire {

struct ResultEncoder::Compressor {
  Compressor() : zstd(ZSTD_createCCtx()) {
    if (zstd == nullptr) throw std::bad_alloc();
  }
  ~Compressor() { ZSTD_freeCCtx(zstd); }
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  ZSTD_CCtx* const zstd;
  net::MessageBuffer plain;
  std::vector<std::byte> compressed;
};

ResultEncoder::ResultEncoder(int compression_level) : compression_level_(compression_level) {}
ResultEncoder::~ResultEncoder() = default;
ResultEncoder::ResultEncoder(ResultEncoder&&) noexcept = default;
ResultEncoder& ResultEncoder::operator=(ResultEncoder&&) noexcept = default;

Status ResultEncoder::EncodeBatch(const ResultBatch& batch, std::span<const Column> columns,
                                  RowRange rows, SymbolDictionary& dictionary,
                                  std::span<SymbolMap> maps, net::MessageBuffer& message) {
  ResultBatch sent = batch;
  sent.flags |= kDeltaDictionary;
  const bool has_encoding = (sent.flags & kGorilla) != 0;
  BlockEncoder encoder(
      {.gorilla = has_encoding, .date_has_encoding = has_encoding, .numbers_have_bitmap = true});
  const auto append_payload = [&](net::MessageBuffer& target) -> Status {
    const size_t mark = dictionary.size();
    COLONNADE_RETURN_IF_ERROR(
        encoder.AppendDictionarySection(columns, rows, dictionary, maps, target));
    Status status = encoder.AppendBlock(
        "", columns, rows, dictionary, maps, target,
        batch.batch_sequence == 0 ? BlockSchema::kInline : BlockSchema::kOmitted);
    if (!status.ok()) dictionary.Rollback(mark);
    return status;
  };

  if ((sent.flags & kZstd) != 0) {
    if (compressor_ == nullptr) compressor_ = std::make_unique<Compressor>();
    compressor_->plain.Begin(0);
    COLONNADE_RETURN_IF_ERROR(append_payload(compressor_->plain));
    const Bytes plain = compressor_->plain.masked();  // with nothing
    std::vector<std::byte>& compressed = compressor_->compressed;
    compressed.resize(ZSTD_compressBound(plain.size()));
    const size_t size = ZSTD_compressCCtx(compressor_->zstd, compressed.data(), compressed.size(),
                                          plain.data(), plain.size(), compression_level_);
    const bool is_smaller = !ZSTD_isError(size) && size < plain.size();
    if (!is_smaller) sent.flags &= static_cast<uint8_t>(~kZstd);
    EncodeResultMessage(sent, message);
    message.Append(is_smaller ? Bytes(compressed).first(size) : plain);
  } else {
    EncodeResultMessage(sent, message);
    COLONNADE_RETURN_IF_ERROR(append_payload(message));
  }
  FinishFrame(message);
  return {};
}

}  // namespace colonnade::questdb::wire
