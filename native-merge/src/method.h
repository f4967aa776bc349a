// The merge methods: METHOD.md section 3 and, for what it leaves open, mergekit's definitions. index.d.ts has the
// formulas.
#pragma once

#include <string>

namespace temperament {

// How the vectors' changes come together. TaskVectors: sparsify, weight, agree on a sign, sum. Sce: a weighting of its
// own. Tsv and Knots work on the factors of low-rank changes (factor_space.h). The others take whole tensors as points in
// space (geometry.h).
enum class Family { TaskVectors, Sce, Tsv, Knots, Slerp, NuSlerp, ModelStock, Karcher };

// Magnitude: the largest entries. Outliers: the largest but for the very largest. Random: each with the same probability.
// Ranked: each with a probability by its rank within the row.
enum class Sparsify { None, Magnitude, Outliers, Random, Ranked };
enum class Consensus { None, Sign };
// By what a change is divided for what it lost: nothing, the chance of being kept, or the share kept of its L1 norm.
enum class Rescale { None, Density, L1 };

struct Method {
    Family family;
    Sparsify sparsify;
    Consensus consensus;
};

// Throws invalid_argument.
Method method_by_name(const std::string & name);

}  // namespace temperament
