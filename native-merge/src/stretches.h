// Passes over tensors: stretches are shared out among the threads, and every thread has buffers of its own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "mix.h"
#include "parallel.h"
#include "tensor_data.h"

namespace temperament {

// Entries at a time: a stretch of every vector should stay in the second-level cache.
constexpr uint64_t DENSE_STRETCH = 16 * STRETCH_UNIT;
// Longer where low-rank factors are reused over the rows of a stretch, where whole rows are ranked, and for sums: a sum's
// order is that of its stretches, so those have this length whatever else is asked.
constexpr uint64_t LONG_STRETCH = 32 * STRETCH_UNIT;

// One thread's buffers, kept from tensor to tensor.
struct Buffers {
    StoredBytes raw;                           // of the base
    std::vector<LoadedStretch> loaded;         // of each vector
    std::vector<std::vector<float>> decoded;   // part of each vector
    std::vector<std::vector<float>> thinned;   // part of each vector, of whatever type
    std::vector<float *> parts;                // of each vector, decoded and thinned out
    std::vector<Term> terms;                   // of each vector, as they are mixed
    std::vector<float> dequantised;            // part of the base
    std::vector<std::vector<uint32_t>> ranks;  // of each vector: Sparsify::Ranked
    LoadedStretch rows;                        // the rows that a stretch touches
    std::vector<uint32_t> row_bits;
    std::vector<uint32_t> row_ranks;
    std::vector<uint32_t> order;
    std::vector<uint8_t> stored;  // of the result
    std::vector<uint64_t> bins;
    std::vector<uint32_t> found;
    std::vector<uint16_t> found_halves;

    void prepare(size_t vectors) {
        if (loaded.size() < vectors) loaded.resize(vectors);
        if (ranks.size() < vectors) ranks.resize(vectors);
        while (decoded.size() < vectors) decoded.emplace_back(STRETCH_PART);
        while (thinned.size() < vectors) thinned.emplace_back(STRETCH_PART);
    }
};

struct Passes {
    Passes(unsigned threads, Progress & progress) : progress(progress), pool(threads), buffers(pool.size()) {}

    // Calls work(first, count, worker) for the stretches of a tensor of so many entries.
    template <typename Work> void for_stretches(uint64_t entries, uint64_t stretch, const Work & work) {
        for_stretches(0, entries, stretch, work);
    }
    // The same for its entries [from, to).
    template <typename Work> void for_stretches(uint64_t from, uint64_t to, uint64_t stretch, const Work & work) {
        pool.run(pieces(to - from, stretch), [&](size_t piece, unsigned worker) {
            progress.check();
            const uint64_t first = from + piece * stretch;
            work(first, size_t(std::min(stretch, to - first)), worker);
        });
    }
    static size_t pieces(uint64_t entries, uint64_t stretch) { return size_t((entries + stretch - 1) / stretch); }

    Progress & progress;
    ThreadPool pool;
    std::vector<Buffers> buffers;
};

}  // namespace temperament
