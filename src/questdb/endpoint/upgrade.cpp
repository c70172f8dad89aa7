#include "questdb/endpoint/upgrade.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "questdb/upgrade_terms.h"

namespace colonnade::questdb::endpoint {
namespace {

constexpr int kLeastZstdLevel = 1;
constexpr int kMostZstdLevel = 9;

net::HttpFailure Refusal(int status, std::string body) {
  net::HttpFailure failure;
  failure.status = status;
  failure.reason = net::ReasonPhrase(status);
  if (!body.empty()) {
    failure.headers.Add("Content-Type", "text/plain; charset=utf-8");
    failure.body = std::move(body) + "\n";
  }
  return failure;
}

std::optional<int64_t> ParseDigits(std::string_view text) {
  int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, number);
  if (failure != std::errc() || stop != end || number < 0) return std::nullopt;
  return number;
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// Takes as long for a wrong text as for a right one of its length.
bool SameSecret(std::string_view given, std::string_view wanted) {
  unsigned differ = given.size() == wanted.size() ? 0 : 1;
  for (size_t i = 0; i < given.size(); ++i) {
    const char other = i < wanted.size() ? wanted[i] : '\0';
    differ |= static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(other);
  }
  return differ == 0;
}

bool IsLetIn(const net::RequestHead& request, const UpgradeRules& rules) {
  if (rules.authorizations.empty()) return true;
  if (request.headers.Count("Authorization") != 1) return false;
  const std::string_view given = *request.headers.Find("Authorization");
  bool found = false;
  for (const std::string& wanted : rules.authorizations) found |= SameSecret(given, wanted);
  return found;
}

// The first of "zstd;level=3,raw" that is known.
void ChooseEncoding(std::string_view offered, UpgradeTerms& terms) {
  while (!offered.empty()) {
    const size_t comma = offered.find(',');
    std::string_view item = Trimmed(offered.substr(0, comma));
    offered = comma == std::string_view::npos ? std::string_view() : offered.substr(comma + 1);
    if (item == "raw" || item == "identity") return;
    if (!item.starts_with("zstd")) continue;
    item.remove_prefix(4);
    int64_t level = kLeastZstdLevel;
    if (item.starts_with(";level=")) {
      level = ParseDigits(item.substr(7)).value_or(kLeastZstdLevel);
    } else if (!item.empty()) {
      continue;
    }
    terms.zstd = true;
    terms.zstd_level =
        static_cast<int>(std::clamp<int64_t>(level, kLeastZstdLevel, kMostZstdLevel));
    return;
  }
}

void AgreeOnQueries(const net::RequestHead& request, const UpgradeRules& rules,
                    UpgradeTerms& terms) {
  if (rules.grants_zstd) {
    ChooseEncoding(request.headers.Find("X-QWP-Accept-Encoding").value_or(""), terms);
  }
  terms.headers.push_back({"X-QWP-Content-Encoding",
                           terms.zstd ? "zstd;level=" + std::to_string(terms.zstd_level) : "raw"});
  const auto wanted =
      ParseDigits(request.headers.Find("X-QWP-Max-Batch-Rows").value_or("")).value_or(0);
  terms.max_batch_rows = wanted > 0 ? std::min(wanted, rules.max_batch_rows) : rules.max_batch_rows;
}

void AgreeOnIngest(const net::RequestHead& request, const UpgradeRules& rules,
                   UpgradeTerms& terms) {
  terms.headers.push_back({"X-QWP-Max-Batch-Size", std::to_string(rules.max_message_bytes)});
  terms.durable_ack =
      rules.grants_durable_ack && request.headers.Find("X-QWP-Request-Durable-Ack") == "true";
  if (terms.durable_ack) terms.headers.push_back({"X-QWP-Durable-Ack", "enabled"});
}

}  // namespace

std::variant<UpgradeTerms, net::HttpFailure> DecideUpgrade(const net::RequestHead& request,
                                                           const UpgradeRules& rules) {
  const std::string_view path =
      std::string_view(request.target).substr(0, request.target.find('?'));
  if (path == "/ping") return Refusal(204, "");
  UpgradeTerms terms;
  if (path == "/read/v1") {
    terms.direction = Direction::kQuery;
  } else if (path != "/write/v4" && path != "/api/v4/write") {
    return Refusal(404, "there is nothing at this path");
  }
  if (!IsLetIn(request, rules)) {
    net::HttpFailure failure = Refusal(401, "the credentials are missing or wrong");
    failure.headers.Add("WWW-Authenticate", "Basic realm=\"questdb\", charset=\"UTF-8\"");
    return failure;
  }
  if (auto failure = net::CheckUpgradeRequest(request)) return *std::move(failure);
  const auto version = request.headers.Find("X-QWP-Max-Version");
  if (version && ParseDigits(*version).value_or(0) < kProtocolVersion) {
    return Refusal(400, "X-QWP-Max-Version is not 1 or more");
  }
  if (!rules.zone.empty()) terms.headers.push_back({"X-QuestDB-Zone", rules.zone});
  terms.headers.push_back({"X-QuestDB-Role", wire::ServerRoleName(rules.role)});
  const bool takes_rows =
      rules.role == wire::ServerRole::kStandalone || rules.role == wire::ServerRole::kPrimary;
  if (terms.direction == Direction::kIngest && !takes_rows) {
    net::HttpFailure failure = Refusal(421, "this server takes no rows");
    for (const net::HttpHeader& header : terms.headers) {
      failure.headers.Add(header.name, header.value);
    }
    return failure;
  }
  terms.headers.insert(terms.headers.begin(), {"X-QWP-Version", std::to_string(kProtocolVersion)});
  if (terms.direction == Direction::kQuery) {
    AgreeOnQueries(request, rules, terms);
  } else {
    AgreeOnIngest(request, rules, terms);
  }
  return terms;
}

std::string BasicAuthorization(std::string_view user, std::string_view password) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::string text = std::string(user) + ":" + std::string(password);
  std::string value = "Basic ";
  for (size_t i = 0; i < text.size(); i += 3) {
    const size_t count = std::min<size_t>(3, text.size() - i);
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < count ? static_cast<unsigned char>(text[i + j]) : 0u);
    }
    for (size_t j = 0; j < 4; ++j) {
      value += j <= count ? kDigits[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return value;
}

}  // namespace colonnade::questdb::endpoint
