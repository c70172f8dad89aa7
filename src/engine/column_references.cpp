#include "engine/column_references.h"

#include <utility>

namespace colonnade::engine {

duckdb::unique_ptr<duckdb::Expression> OverColumns(const duckdb::Expression& expression,
                                                   const duckdb::LogicalGet& get,
                                                   const ColumnOfId& column_of) {
  auto rewritten = expression.Copy();
  bool usable = true;
  duckdb::ExpressionIterator::VisitExpressionMutable<duckdb::BoundColumnRefExpression>(
      rewritten, [&](duckdb::BoundColumnRefExpression& reference,
                     duckdb::unique_ptr<duckdb::Expression>& slot) {
        const auto& ids = get.GetColumnIds();
        if (reference.depth != 0 || reference.binding.table_index != get.table_index ||
            reference.binding.column_index >= ids.size()) {
          usable = false;
          return;
        }
        const auto& id = ids[reference.binding.column_index];
        const auto column = column_of(id.GetPrimaryIndex());
        if (!column || id.HasChildren()) {
          usable = false;
          return;
        }
        slot = duckdb::make_uniq<duckdb::BoundReferenceExpression>(reference.return_type, *column);
      });
  return usable ? std::move(rewritten) : nullptr;
}

}  // namespace colonnade::engine
