// FakeDataset: a Dataset in memory that records which chunks were read.

#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "array/cf/decode_plan.h"
#include "array/chunk_cache.h"
#include "array/chunk_grid.h"
#include "array/dataset.h"

namespace colonnade {

/// Add variables first, then share. Reads behave like those of a store: a box inside one chunk is a
/// view of that chunk, a larger one is assembled, and chunks that should be kept go through the
/// context's cache.
class FakeDataset final : public array::Dataset {
 public:
  explicit FakeDataset(std::string name = "fake") : name_(std::move(name)) {}

  /// Adds a variable with these values in C order. An empty `chunk_shape` is one chunk.
  template <typename T>
  array::Variable& Add(const std::string& name, std::vector<std::string> dims, array::Shape shape,
                       array::Shape chunk_shape, std::vector<T> values,
                       Json attributes = Json::object()) {
    array::Variable& variable =
        AddShape(name, std::move(dims), std::move(shape), std::move(chunk_shape),
                 std::move(attributes), KindOf<T>());
    Elements elements;
    if constexpr (std::is_same_v<T, std::string>) {
      auto texts = std::make_shared<std::vector<std::string>>(std::move(values));
      auto views = std::make_shared<std::vector<std::string_view>>(texts->begin(), texts->end());
      elements.data = reinterpret_cast<const std::byte*>(views->data());
      elements.owner = std::make_shared<std::pair<decltype(texts), decltype(views)>>(texts, views);
    } else {
      auto numbers = std::make_shared<std::vector<T>>(std::move(values));
      elements.data = reinterpret_cast<const std::byte*>(numbers->data());
      elements.owner = numbers;
    }
    elements_.back() = std::move(elements);
    return variable;
  }

  /// Adds a variable that is metadata only; reading it gives the fill value 0 of a chunk that is
  /// not there.
  array::Variable& AddShape(const std::string& name, std::vector<std::string> dims,
                            array::Shape shape, array::Shape chunk_shape = {},
                            Json attributes = Json::object(),
                            array::ElementKind kind = array::ElementKind::kFloat64) {
    array::Variable variable;
    variable.name = name;
    variable.path = name;
    variable.dims = std::move(dims);
    if (chunk_shape.empty()) {
      for (const int64_t extent : shape) chunk_shape.push_back(std::max<int64_t>(extent, 1));
    }
    variable.shape = std::move(shape);
    variable.chunk_shape = std::move(chunk_shape);
    variable.type = array::ElementType::Of(kind);
    if (kind == array::ElementKind::kString) variable.type.size = 0;
    variable.attributes = std::move(attributes);
    variable.plan = array::cf::MakeDecodePlan(variable.type, variable.attributes, {});
    variables_.push_back(std::move(variable));
    elements_.emplace_back();
    return variables_.back();
  }

  /// Makes every read fail from now on, or none if `failure` is OK.
  void FailReads(Status failure) {
    const std::lock_guard guard(mutex_);
    failure_ = std::move(failure);
  }

  Json& mutable_attributes() { return attributes_; }

  /// How often each chunk was fetched: (variable, chunk index) → times.
  std::map<std::pair<size_t, std::vector<int64_t>>, int> chunk_reads() const {
    const std::lock_guard guard(mutex_);
    return reads_;
  }
  int total_chunk_reads() const {
    int total = 0;
    for (const auto& [chunk, times] : chunk_reads()) total += times;
    return total;
  }
  void ForgetReads() {
    const std::lock_guard guard(mutex_);
    reads_.clear();
  }

  const std::string& name() const override { return name_; }
  const std::vector<array::Variable>& variables() const override { return variables_; }
  const Json& attributes() const override { return attributes_; }
  const std::vector<std::string>& notes() const override { return notes_; }

  Result<array::ArrayView> Read(size_t index, const array::Box& box, bool keep_chunks,
                                array::ReadContext& context) const override {
    COLONNADE_RETURN_IF_ERROR(context.cancel().Check());
    {
      const std::lock_guard guard(mutex_);
      COLONNADE_RETURN_IF_ERROR(failure_);
    }
    const array::Variable& variable = variables_.at(index);
    COLONNADE_ASSIGN_OR_RETURN(const array::ChunkGrid grid,
                               array::ChunkGrid::Create(variable.shape, variable.chunk_shape));
    COLONNADE_RETURN_IF_ERROR(grid.CheckBox(box));
    array::ArrayView view;
    view.type = variable.type;
    const int64_t width = variable.type.memory_size();
    const array::Box chunks = grid.ChunksCovering(box);
    int64_t chunk_count = 0;
    ForEach(chunks, [&](const std::vector<int64_t>& chunk) {
      Fetch(index, grid, chunk, keep_chunks, context);
      ++chunk_count;
    });
    const Elements& elements = elements_[index];
    if (elements.data == nullptr) {
      static const double kZero = 0;
      view.data = reinterpret_cast<const std::byte*>(&kZero);
      view.strides.assign(box.size(), 0);
      return view;
    }
    if (chunk_count == 0) {
      view.strides.assign(box.size(), 0);
      return view;
    }
    const std::vector<int64_t> strides = array::DenseStrides(variable.shape, width);
    if (chunk_count == 1) {
      view.data = elements.data;
      view.strides = strides;
      view.owner = elements.owner;
      for (size_t d = 0; d < box.size(); ++d) view.data += box[d].begin * strides[d];
      return view;
    }
    const int64_t count = array::ElementCount(box);
    auto copy = std::make_shared<std::vector<std::byte>>(static_cast<size_t>(count * width));
    int64_t i = 0;
    ForEach(box, [&](const std::vector<int64_t>& position) {
      int64_t offset = 0;
      for (size_t d = 0; d < position.size(); ++d) offset += position[d] * strides[d];
      std::memcpy(copy->data() + i * width, elements.data + offset, static_cast<size_t>(width));
      ++i;
    });
    array::Shape shape;
    for (const array::Interval& interval : box) shape.push_back(interval.size());
    view.strides = array::DenseStrides(shape, width);
    view.data = copy->data();
    view.owner =
        std::make_shared<std::pair<std::shared_ptr<const void>, std::shared_ptr<const void>>>(
            copy, elements.owner);
    return view;
  }

 private:
  struct Elements {
    const std::byte* data = nullptr;
    std::shared_ptr<const void> owner;
  };

  template <typename T>
  static array::ElementKind KindOf() {
    if constexpr (std::is_same_v<T, double>) return array::ElementKind::kFloat64;
    if constexpr (std::is_same_v<T, float>) return array::ElementKind::kFloat32;
    if constexpr (std::is_same_v<T, int64_t>) return array::ElementKind::kInt64;
    if constexpr (std::is_same_v<T, int32_t>) return array::ElementKind::kInt32;
    if constexpr (std::is_same_v<T, int16_t>) return array::ElementKind::kInt16;
    if constexpr (std::is_same_v<T, std::string>) return array::ElementKind::kString;
  }

  // Visits every position of a box in C order.
  template <typename Visit>
  static void ForEach(const array::Box& box, Visit&& visit) {
    std::vector<int64_t> position;
    for (const array::Interval& interval : box) {
      if (interval.size() == 0) return;
      position.push_back(interval.begin);
    }
    while (true) {
      visit(position);
      size_t d = box.size();
      while (d > 0 && ++position[d - 1] == box[d - 1].end) {
        position[d - 1] = box[d - 1].begin;
        --d;
      }
      if (d == 0) return;
    }
  }

  void Fetch(size_t variable, const array::ChunkGrid& grid, const std::vector<int64_t>& chunk,
             bool keep, array::ReadContext& context) const {
    const array::ChunkId id{id_, variable, grid.LinearIndex(chunk)};
    if (keep && context.cache() != nullptr) {
      if (context.cache()->Find(id).has_value()) {
        ++context.counters().cache_hits;
        return;
      }
      context.cache()->Insert(id, array::ArrayView{}, 1);
    }
    ++context.counters().chunks_read;
    const std::lock_guard guard(mutex_);
    ++reads_[{variable, chunk}];
  }

  const std::string name_;
  const uint64_t id_ = array::NewDatasetId();
  std::vector<array::Variable> variables_;
  std::vector<Elements> elements_;
  Json attributes_ = Json::object();
  std::vector<std::string> notes_;
  mutable std::mutex mutex_;
  mutable std::map<std::pair<size_t, std::vector<int64_t>>, int> reads_;
  Status failure_;
};

}  // namespace colonnade
