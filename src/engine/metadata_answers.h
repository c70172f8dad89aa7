// Answers from coordinates: the rule that rewrites aggregates which touch no stored value.

#pragma once

#include "engine/duckdb_headers.h"

namespace colonnade::engine {

/// Registers the rule. An aggregate or DISTINCT whose input is one scan that reads coordinates only
/// (through projections and filters on them) runs over positions of the axes it uses
/// (PositionRows), each standing for `multiplicity` rows of the table. MIN, MAX and everything
/// DISTINCT stay as they are; counts become sums of multiplicities.
void RegisterMetadataAnswers(duckdb::DBConfig& config);

}  // namespace colonnade::engine
