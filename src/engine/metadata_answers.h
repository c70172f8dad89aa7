// Answers from coordinates: the rule that rewrites aggregates which touch no stored value.

#pragma once

#include "engine/duckdb_headers.h"

namespace colonnade::engine {

/// Registers the rule. An aggregate or DISTINCT whose input is one scan that reads coordinates only
/// (through projections and filters on them) runs over the combinations of the *used* axes'
/// selected positions; each stands for `multiplicity` rows. MIN, MAX and everything DISTINCT stay
/// as they are; counts become sums of multiplicities.
void RegisterMetadataAnswers(duckdb::DBConfig& config);

}  // namespace colonnade::engine
