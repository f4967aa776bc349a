// What vectors are like and how they lie to each other: the sums from which norms, cosines, agreement of signs, sparsity
// and effective rank follow, per tensor, per block and over everything.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "parallel.h"

namespace temperament {

struct CompareOptions {
    std::vector<std::string> paths;  // dense vectors and adapters, mixed as they come
    uint64_t seed = 0;               // of the sketch
    bool entrywise = true;           // signs, zeros and magnitudes, for which adapters must be multiplied out
    unsigned threads = 0;
};

// Over one tensor, one block or everything. Matrices are vectors x vectors, row by row, symmetric.
struct Sums {
    std::string name;
    uint64_t entries = 0;
    std::vector<double> products;    // <phi_i, phi_j>
    std::vector<double> both;        // entries in which neither is zero; on the diagonal those that are not zero
    std::vector<double> agree;       // of those, where the signs are the same
    std::vector<double> magnitudes;  // of each vector: sum |phi|

    Sums(std::string name, size_t vectors)
        : name(std::move(name)), products(vectors * vectors), both(vectors * vectors), agree(vectors * vectors),
          magnitudes(vectors) {}
    void add(const Sums & other);
};

// Participation ratio (sum sigma^2)^2 / sum sigma^4 of a matrix's singular values.
struct EffectiveRank {
    double value = 0;  // 0: a vector that leaves the tensor alone
    double error = 0;  // standard error; 0 where the value is exact
};

struct ComparedTensor {
    Sums sums;
    std::vector<uint64_t> shape;       // ggml order
    std::vector<EffectiveRank> ranks;  // of each vector
};

struct CompareResult {
    std::vector<bool> low_rank;           // of each vector
    std::vector<ComparedTensor> tensors;  // embeddings, blocks in order, output
    std::vector<Sums> layers;             // "blk.3", and each tensor outside of the blocks
    Sums all{"", 0};
    double seconds = 0;
};

// Throws 'mismatch' for files that are no vectors, of different architectures, or with tensors of different shapes.
CompareResult compare(const CompareOptions & options, Progress & progress);

}  // namespace temperament
