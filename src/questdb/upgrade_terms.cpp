#include "questdb/upgrade_terms.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

namespace colonnade::questdb {
namespace {

constexpr int kMaxZstdLevel = 22;

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// Digits only; nothing for anything else and for what does not fit.
template <typename T>
std::optional<T> ParseDigits(std::string_view text) {
  T number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, number);
  if (failure != std::errc() || stop != end || text.empty() || text.front() == '-') {
    return std::nullopt;
  }
  return number;
}

// The value of a header that may stand there once; a second one is as good as nonsense.
struct Value {
  bool present = false;
  std::string_view text;
};

Value Only(const net::HttpHeaders& headers, std::string_view name) {
  const size_t count = headers.Count(name);
  if (count == 0) return {};
  return {true, count == 1 ? *headers.Find(name) : std::string_view()};
}

// Nothing if the version is not one that this client speaks.
std::optional<int> AgreedVersion(std::string_view text) {
  const std::optional<int> version = ParseDigits<int>(text);
  if (!version || *version < 1 || *version > kProtocolVersion) return std::nullopt;
  return version;
}

std::string VersionFault(std::string_view text) {
  const std::optional<int> version = ParseDigits<int>(text);
  const std::string found = version ? std::to_string(*version) : "something else";
  return "the server answers X-QWP-Version " + found + ", this client speaks 1";
}

}  // namespace

std::string UpgradePath(Direction direction, const ConnectOptions& options) {
  return direction == Direction::kIngest ? kIngestPath : options.path;
}

std::vector<net::HttpHeader> UpgradeHeaders(Direction direction, const ConnectOptions& options) {
  std::vector<net::HttpHeader> headers;
  headers.push_back({"X-QWP-Max-Version", std::to_string(kProtocolVersion)});
  if (!options.client_id.empty()) headers.push_back({"X-QWP-Client-Id", options.client_id});
  if (direction == Direction::kIngest) {
    if (options.request_durable_ack) headers.push_back({"X-QWP-Request-Durable-Ack", "true"});
  } else {
    std::string encoding = "raw";
    if (options.compression != Compression::kRaw) {
      encoding = "zstd;level=" + std::to_string(options.compression_level);
      if (options.compression == Compression::kAuto) encoding += ",raw";
    }
    headers.push_back({"X-QWP-Accept-Encoding", std::move(encoding)});
    if (options.max_batch_rows > 0) {
      headers.push_back({"X-QWP-Max-Batch-Rows", std::to_string(options.max_batch_rows)});
    }
  }
  if (!options.authorization.empty()) {
    headers.push_back({"Authorization", options.authorization.Reveal()});
  }
  return headers;
}

std::variant<IngestTerms, EndpointFailure> CheckIngestTerms(const Attempt& attempt,
                                                            const net::HttpHeaders& headers) {
  IngestTerms terms;
  if (const Value version = Only(headers, "X-QWP-Version"); version.present) {
    const std::optional<int> agreed = AgreedVersion(version.text);
    if (!agreed) {
      return ClassifyTerms(attempt, FailureKind::kVersion, VersionFault(version.text));
    }
    terms.version = *agreed;
  }
  const Value limit = Only(headers, "X-QWP-Max-Batch-Size");
  terms.advertised_message_bytes =
      std::min(ParseDigits<uint64_t>(limit.text).value_or(0), kMaxMessageBytes);
  terms.durable_ack = Lower(Only(headers, "X-QWP-Durable-Ack").text) == "enabled";
  if (attempt.options.request_durable_ack && !terms.durable_ack) {
    return ClassifyTerms(attempt, FailureKind::kVersion,
                         "the server does not grant durable acknowledgements, which "
                         "request_durable_ack=on asks for");
  }
  terms.zone = headers.Find("X-QuestDB-Zone").value_or("");
  return terms;
}

std::variant<QueryTerms, EndpointFailure> CheckQueryTerms(const Attempt& attempt,
                                                          const net::HttpHeaders& headers) {
  QueryTerms terms;
  const Value version = Only(headers, "X-QWP-Version");
  if (!version.present) {
    return ClassifyTerms(attempt, FailureKind::kHandshake,
                         "the server answers without X-QWP-Version");
  }
  const std::optional<int> agreed = AgreedVersion(version.text);
  if (!agreed) {
    return ClassifyTerms(attempt, FailureKind::kHandshake, VersionFault(version.text));
  }
  terms.version = *agreed;

  if (const Value encoding = Only(headers, "X-QWP-Content-Encoding"); encoding.present) {
    constexpr std::string_view kLevel = "zstd;level=";
    const std::string name = Lower(encoding.text);
    if (name.starts_with(kLevel)) {
      terms.zstd_level = ParseDigits<int>(std::string_view(name).substr(kLevel.size()));
      if (terms.zstd_level.value_or(0) < 1 || *terms.zstd_level > kMaxZstdLevel) {
        terms.zstd_level.reset();
      }
    }
    terms.zstd = name == "zstd" || terms.zstd_level.has_value();
    if (!terms.zstd && name != "raw" && name != "identity") {
      return ClassifyTerms(attempt, FailureKind::kHandshake,
                           "the server answers an X-QWP-Content-Encoding that is neither raw nor "
                           "zstd");
    }
  }
  terms.zone = headers.Find("X-QuestDB-Zone").value_or("");
  return terms;
}

}  // namespace colonnade::questdb
