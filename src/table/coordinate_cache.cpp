#include "table/coordinate_cache.h"

#include <chrono>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>

#include "array/decode.h"
#include "base/checked.h"

namespace colonnade::table {
namespace {

// What the values of one coordinate live in.
struct OwnedValues {
  AxisValues values;
  std::unique_ptr<std::byte[]> data;
  std::vector<uint64_t> validity;
  std::unique_ptr<char[]> text;
};

bool IsSet(const std::vector<uint64_t>& bits, size_t i) {
  return (bits[i / 64] >> (i % 64) & 1) != 0;
}

// Moves texts out of the memory of the view, which belongs to a query, into memory of their own.
Status OwnText(size_t count, MemoryReservation* reservation, OwnedValues* owned) {
  auto* texts = reinterpret_cast<std::string_view*>(owned->data.get());
  size_t bytes = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!IsSet(owned->validity, i)) texts[i] = {};
    const std::optional<size_t> sum = CheckedAdd(bytes, texts[i].size());
    if (!sum.has_value()) return LimitExceeded("text of ", count, " values is too long");
    bytes = *sum;
  }
  COLONNADE_RETURN_IF_ERROR(reservation->Resize(reservation->bytes() + bytes));
  owned->text = std::make_unique_for_overwrite<char[]>(bytes);
  char* end = owned->text.get();
  for (size_t i = 0; i < count; ++i) {
    if (texts[i].empty()) continue;
    std::memcpy(end, texts[i].data(), texts[i].size());
    texts[i] = std::string_view(end, texts[i].size());
    end += texts[i].size();
  }
  return Status();
}

}  // namespace

CoordinateCache::CoordinateCache(std::shared_ptr<const array::Dataset> dataset)
    : dataset_(std::move(dataset)), slots_(dataset_->variables().size()) {}

Result<std::shared_ptr<const AxisValues>> CoordinateCache::Load(
    size_t variable, const ScanEnvironment& environment) {
  Slot& slot = slots_.at(variable);
  std::unique_lock lock(mutex_);
  while (slot.loading) {
    // Another query reads it; this one may be cancelled meanwhile.
    loaded_.wait_for(lock, std::chrono::milliseconds(20));
    if (environment.cancel != nullptr) COLONNADE_RETURN_IF_ERROR(environment.cancel->Check());
  }
  if (slot.values != nullptr) return slot.values;
  slot.loading = true;
  lock.unlock();

  // Runs on every way out, so that a thread that fails, or runs out of memory, wakes the others.
  struct Finish {
    CoordinateCache* cache;
    Slot* slot;
    std::shared_ptr<const AxisValues> values;
    ~Finish() {
      {
        const std::lock_guard guard(cache->mutex_);
        slot->loading = false;
        slot->values = std::move(values);
      }
      cache->loaded_.notify_all();
    }
  } finish{this, &slot, nullptr};
  COLONNADE_ASSIGN_OR_RETURN(finish.values, ReadWhole(*dataset_, variable, environment));
  return std::shared_ptr<const AxisValues>(finish.values);
}

Result<std::shared_ptr<const AxisValues>> ReadWhole(const array::Dataset& dataset, size_t variable,
                                                    const ScanEnvironment& environment) {
  const array::Variable& info = dataset.variables()[variable];
  const int64_t length = array::ElementCount(info.shape).value_or(0);
  const size_t count = static_cast<size_t>(length);
  const size_t words = (count + 63) / 64;
  auto owned = std::make_shared<OwnedValues>();
  owned->values.type = info.plan.value;
  owned->values.length = length;

  array::ReadCounters unused;
  MemoryBudget& budget = environment.budget != nullptr ? *environment.budget : UnlimitedMemory();
  MemoryReservation reservation(budget);
  const std::optional<size_t> bytes =
      CheckedMultiply<size_t>(count, array::ValueSize(info.plan.value));
  if (!bytes.has_value())
    return LimitExceeded("coordinate \"", info.name, "\" has ", length, " values");
  COLONNADE_RETURN_IF_ERROR(reservation.Resize(*bytes + words * sizeof(uint64_t)));
  // At least one byte: null would say that the values are the positions.
  owned->data = std::make_unique<std::byte[]>(std::max<size_t>(*bytes, 1));
  owned->validity.assign(words, 0);

  bool some_missing = false;
  if (length > 0) {
    array::ReadContext context(
        environment.cancel != nullptr ? *environment.cancel : NeverCancelled(), budget,
        environment.counters != nullptr ? *environment.counters : unused, nullptr);
    COLONNADE_ASSIGN_OR_RETURN(
        const array::ArrayView view,
        dataset.Read(variable, array::WholeBox(info.shape), /*keep_chunks=*/false, context));
    std::vector<array::GatherDimension> dimensions;
    for (size_t d = 0; d < info.shape.size(); ++d)
      dimensions.push_back({info.shape[d], nullptr, view.strides[d]});
    auto gathered = array::Gather(info.plan, view.data, dimensions, 0, length, owned->data.get(),
                                  owned->validity.data());
    if (!gathered.ok())
      return std::move(gathered).status().WithContext("variable \"" + info.name + "\"");
    some_missing = *gathered;
    if (info.plan.value == array::ValueType::kString) {
      COLONNADE_RETURN_IF_ERROR(OwnText(count, &reservation, owned.get()));
    }
  }
  owned->values.data = owned->data.get();
  owned->values.validity = some_missing ? owned->validity.data() : nullptr;
  // The values keep themselves: whoever holds AxisValues, or its owner, holds the memory.
  const AxisValues* values = &owned->values;
  std::shared_ptr<const AxisValues> result(owned, values);
  return result;
}

}  // namespace colonnade::table
