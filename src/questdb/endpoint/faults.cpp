#include "questdb/endpoint/faults.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/quote.h"
#include "questdb/wire/frame.h"
#include "questdb/wire/result_message.h"

namespace colonnade::questdb::endpoint {
namespace {

struct NamedKind {
  FaultKind kind;
  std::string_view name;
};

constexpr std::array kKinds = {
    NamedKind{FaultKind::kRefuse, "refuse"},
    NamedKind{FaultKind::kAnswer, "answer"},
    NamedKind{FaultKind::kClose, "close"},
    NamedKind{FaultKind::kCloseAfter, "close-after"},
    NamedKind{FaultKind::kStall, "stall"},
    NamedKind{FaultKind::kStallAfter, "stall-after"},
    NamedKind{FaultKind::kHalfAnswer, "half-answer"},
    NamedKind{FaultKind::kReset, "reset"},
    NamedKind{FaultKind::kResetAfter, "reset-after"},
    NamedKind{FaultKind::kResetReceived, "reset-received"},
    NamedKind{FaultKind::kResetSent, "reset-sent"},
    NamedKind{FaultKind::kLoseBatch, "lose-batch"},
    NamedKind{FaultKind::kRepeatBatch, "repeat-batch"},
    NamedKind{FaultKind::kSwapBatch, "swap-batch"},
    NamedKind{FaultKind::kCorruptBatch, "corrupt-batch"},
    NamedKind{FaultKind::kHalfBatch, "half-batch"},
    NamedKind{FaultKind::kWrongBatches, "wrong-batches"},
    NamedKind{FaultKind::kWrongRows, "wrong-rows"},
};

// Decimal, or hexadecimal behind 0x.
template <typename T>
Result<T> ParseNumber(std::string_view key, std::string_view text) {
  const bool is_hex = text.starts_with("0x");
  const std::string_view digits = is_hex ? text.substr(2) : text;
  T number = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, failure] = std::from_chars(digits.data(), end, number, is_hex ? 16 : 10);
  if (failure == std::errc() && stop == end) return number;
  return InvalidArgument("fault: ", key, "=", Quote(text), " is not a number");
}

Status SetField(std::string_view key, std::string_view value, Fault& fault) {
  if (key == "at") {
    COLONNADE_ASSIGN_OR_RETURN(fault.at, ParseNumber<int64_t>(key, value));
    if (fault.at < 0) return InvalidArgument("fault: at=", fault.at, " is below 0");
  } else if (key == "code") {
    COLONNADE_ASSIGN_OR_RETURN(fault.code, ParseNumber<int>(key, value));
  } else if (key == "times") {
    COLONNADE_ASSIGN_OR_RETURN(fault.times, ParseNumber<int64_t>(key, value));
  } else if (key == "text") {
    fault.text = value;
  } else if (key == "on") {
    if (value != "ingest" && value != "query") {
      return InvalidArgument("fault: on=", Quote(value), " is neither ingest nor query");
    }
    fault.direction = value == "ingest" ? Direction::kIngest : Direction::kQuery;
  } else if (key == "header") {
    const size_t colon = value.find(": ");
    if (colon == std::string_view::npos || colon == 0) {
      return InvalidArgument("fault: header=", Quote(value), " is not 'Name: value'");
    }
    fault.headers.push_back(
        {std::string(value.substr(0, colon)), std::string(value.substr(colon + 2))});
  } else {
    return InvalidArgument("fault: unknown key ", Quote(key),
                           "; known are at, code, header, on, text, times");
  }
  return {};
}

Status CheckCode(const Fault& fault) {
  const auto within = [&](int low, int high) -> Status {
    if (fault.code >= low && fault.code <= high) return {};
    return InvalidArgument("fault ", FaultName(fault.kind), ": code=", fault.code, ", must be ",
                           low, " to ", high);
  };
  switch (fault.kind) {
    case FaultKind::kRefuse: return within(200, 599);
    case FaultKind::kAnswer: return within(1, 255);
    case FaultKind::kClose:
    case FaultKind::kCloseAfter: return within(1000, 4999);
    default: return {};
  }
}

}  // namespace

std::string_view FaultName(FaultKind kind) {
  for (const NamedKind& named : kKinds) {
    if (named.kind == kind) return named.name;
  }
  return "?";
}

Result<Fault> ParseFault(std::string_view text) {
  Fault fault;
  bool has_kind = false;
  while (true) {
    const size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    if (!has_kind) {
      const auto* const found = std::find_if(
          kKinds.begin(), kKinds.end(), [&](const NamedKind& kind) { return kind.name == part; });
      if (found == kKinds.end()) return InvalidArgument("there is no fault ", Quote(part));
      fault.kind = found->kind;
      has_kind = true;
    } else {
      const size_t equals = part.find('=');
      if (equals == std::string_view::npos) {
        return InvalidArgument("fault: ", Quote(part), " is not key=value");
      }
      COLONNADE_RETURN_IF_ERROR(SetField(part.substr(0, equals), part.substr(equals + 1), fault));
    }
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  COLONNADE_RETURN_IF_ERROR(CheckCode(fault));
  return fault;
}

void CorruptBatch(net::MessageBuffer& message) {
  message.AppendLittle(uint8_t{0});
  wire::FinishFrame(message);
}

void FalsifyEnd(const Fault& fault, net::MessageBuffer& message) {
  auto parsed = wire::ParseResultMessage(message.masked());
  if (!parsed.ok() || !std::holds_alternative<wire::ResultEnd>(*parsed)) return;
  auto& end = std::get<wire::ResultEnd>(*parsed);
  const auto more = static_cast<uint64_t>(int64_t{fault.code});
  (fault.kind == FaultKind::kWrongBatches ? end.final_sequence : end.total_rows) += more;
  message.Begin(0);
  wire::EncodeResultMessage(*parsed, message);
}

void FaultScript::Set(std::vector<Fault> faults) {
  const std::lock_guard lock(mutex_);
  faults_ = std::move(faults);
}

template <typename Matches>
std::optional<Fault> FaultScript::StrikeIf(const Matches& matches) {
  const std::lock_guard lock(mutex_);
  for (Fault& fault : faults_) {
    if (fault.times == 0 || !matches(fault)) continue;
    if (fault.times > 0) --fault.times;
    return fault;
  }
  return std::nullopt;
}

std::optional<Fault> FaultScript::Strike(FaultKind kind, Direction direction, int64_t position) {
  return StrikeIf(
      [&](const Fault& fault) { return fault.Is(kind, direction) && fault.at == position; });
}

std::optional<Fault> FaultScript::Strike(FaultKind kind, Direction direction) {
  return StrikeIf([&](const Fault& fault) { return fault.Is(kind, direction); });
}

}  // namespace colonnade::questdb::endpoint
