#include "questdb/sender/frame_encoder.h"

#include <algorithm>
#include <utility>

#include "questdb/wire/frame.h"

namespace colonnade::questdb {
namespace {

constexpr size_t kFlagsOffset = 5;
constexpr size_t kMaxSpareBuffers = 4;
// Room for the two numbers in front of dictionary entries.
constexpr size_t kDictionaryHeadroom = 16;

// Where a range is cut: in halves at a multiple of eight, so that bitmaps stay aligned to bytes;
// of eight rows and fewer the last is taken off.
wire::RowRange FirstPart(wire::RowRange rows) {
  if (rows.size() <= 8) return {rows.begin, rows.end - 1};
  return {rows.begin, rows.begin + std::max<int64_t>(8, rows.size() / 2 / 8 * 8)};
}

}  // namespace

void EncodedFrame::SetCommits(bool commits_now) {
  commits = commits_now;
  const uint8_t flags =
      wire::kDeltaDictionary | (commits ? uint8_t{0} : uint8_t{wire::kDeferCommit});
  message.OverwriteLittle<uint8_t>(kFlagsOffset, flags);
}

Result<std::vector<EncodedFrame>> FrameEncoder::Encode(std::string_view table,
                                                       std::span<const wire::Column> columns,
                                                       wire::RowRange rows, size_t limit,
                                                       wire::SymbolDictionary& dictionary,
                                                       std::span<wire::SymbolMap> maps,
                                                       const NextKey& next_key) {
  std::vector<EncodedFrame> frames;
  const size_t mark = dictionary.size();
  Status status = EncodeRows(table, columns, rows, limit, dictionary, maps, next_key, frames);
  if (status.ok()) return frames;
  dictionary.Rollback(mark);
  for (EncodedFrame& frame : frames) Recycle(std::move(frame));
  return status;
}

Status FrameEncoder::EncodeRows(std::string_view table, std::span<const wire::Column> columns,
                                wire::RowRange rows, size_t limit,
                                wire::SymbolDictionary& dictionary, std::span<wire::SymbolMap> maps,
                                const NextKey& next_key, std::vector<EncodedFrame>& frames) {
  const auto halves = [&]() -> Status {
    const wire::RowRange first = FirstPart(rows);
    COLONNADE_RETURN_IF_ERROR(
        EncodeRows(table, columns, first, limit, dictionary, maps, next_key, frames));
    return EncodeRows(table, columns, {first.end, rows.end}, limit, dictionary, maps, next_key,
                      frames);
  };
  // Twice the limit: an estimate that is a little off must not cost a frame.
  if (rows.size() > 1 &&
      bytes_per_row_ * static_cast<double>(rows.size()) > 2.0 * static_cast<double>(limit)) {
    return halves();
  }

  EncodedFrame frame = Take();
  frame.rows = rows.size();
  frame.message.Begin(next_key());
  const size_t mark = dictionary.size();
  wire::BeginFrame(wire::kDeltaDictionary | wire::kDeferCommit, 1, frame.message);
  Status status = encoder_.AppendDictionarySection(columns, rows, dictionary, maps, frame.message);
  if (status.ok()) {
    status = encoder_.AppendBlock(table, columns, rows, dictionary, maps, frame.message);
  }
  if (!status.ok()) {
    Recycle(std::move(frame));
    return status;
  }
  const size_t bytes = frame.message.size();
  bytes_per_row_ = static_cast<double>(bytes) / static_cast<double>(rows.size());
  if (bytes <= limit) {
    wire::FinishFrame(frame.message);
    frames.push_back(std::move(frame));
    return {};
  }
  dictionary.Rollback(mark);
  Recycle(std::move(frame));
  if (rows.size() > 1) return halves();
  return LimitExceeded("row ", rows.begin, " takes ", bytes,
                       " bytes, and a frame can have at most ", limit);
}

Result<std::vector<EncodedFrame>> FrameEncoder::EncodeDictionary(
    const wire::SymbolDictionary& dictionary, size_t limit, const NextKey& next_key) {
  std::vector<EncodedFrame> frames;
  const size_t room = limit - std::min(limit, wire::kFrameHeaderBytes + kDictionaryHeadroom);
  for (size_t begin = 0; begin < dictionary.size();) {
    size_t end = begin;
    size_t bytes = 0;
    while (end < dictionary.size()) {
      const size_t entry = dictionary.entry(end).size() + 5;  // with its length
      if (bytes + entry > room) break;
      bytes += entry;
      ++end;
    }
    if (end == begin) {
      return LimitExceeded("symbol ", begin, " takes ", dictionary.entry(begin).size(),
                           " bytes, and a frame can have at most ", limit);
    }
    EncodedFrame frame = Take();
    frame.message.Begin(next_key());
    wire::BeginFrame(wire::kDeltaDictionary, 0, frame.message);
    wire::AppendDictionaryRange(dictionary, begin, end, frame.message);
    wire::FinishFrame(frame.message);
    frames.push_back(std::move(frame));
    begin = end;
  }
  return frames;
}

EncodedFrame FrameEncoder::EncodeCommit(net::MaskKey key) {
  EncodedFrame frame = Take();
  frame.message.Begin(key);
  wire::EncodeCommitFrame(0, frame.message);
  frame.commits = true;
  return frame;
}

EncodedFrame FrameEncoder::Take() {
  EncodedFrame frame;
  if (!spare_.empty()) {
    frame.message = std::move(spare_.back());
    spare_.pop_back();
  }
  return frame;
}

void FrameEncoder::Recycle(EncodedFrame frame) {
  if (spare_.size() < kMaxSpareBuffers) spare_.push_back(std::move(frame.message));
}

}  // namespace colonnade::questdb
