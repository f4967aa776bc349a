// Merging low-rank changes by their factors alone: Task Singular Vectors merging (TSV-M) and KnOTS with TIES. Nothing of
// a tensor's size is made: for `rank` directions in all, memory goes by rank x (rows + columns), time by rank times that.
#pragma once

#include <cstdint>
#include <vector>

#include "parallel.h"

namespace temperament {

// A vector's change to one tensor, scale * B A.
struct FactoredChange {
    const std::vector<float> & a;  // rank x columns
    const std::vector<float> & b;  // rows x rank
    size_t rank;
    double scale;
    double weight;
    double density;  // share of entries kept, in (0, 1]; KnOTS only
};

// B A, of a rank that is at most the sum of the changes' ranks; 0 where nothing is left.
struct MergedFactors {
    std::vector<float> a, b;
    size_t rank = 0;
};

// TSV-M (arXiv 2412.00081). Of its n singular directions a change keeps the first ceil(share * n), and no more than
// max(1, floor(min(rows, columns) / changes)); the kept left vectors of all changes together are replaced by the nearest
// orthonormal ones, the right vectors likewise, and each pair counts weight * sigma.
MergedFactors merge_tsv(const std::vector<FactoredChange> & changes, size_t rows, size_t columns, double share,
                        ThreadPool & pool);

// KnOTS (arXiv 2410.19735): [change 1 ... change n] = U S [V1' ... Vn'], and TIES over the S Vi'. normalize, unweighted: as
// in BakeOptions.
MergedFactors merge_knots_ties(const std::vector<FactoredChange> & changes, size_t rows, size_t columns, bool normalize,
                               bool unweighted, ThreadPool & pool);

}  // namespace temperament
