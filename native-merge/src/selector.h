// Exact selection of the k largest magnitudes of a tensor, or of all tensors of a vector taken as one, in passes over
// stretches (select.h has the two ways). Ties at the threshold go to the lowest index.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "gguf.h"
#include "kernels.h"
#include "stretches.h"

namespace temperament {

// Part of a tensor's values, from entry `first` of the tensor on.
using PartWork = std::function<void(const float * values, uint64_t first, size_t count)>;

// The numbers to select from, which exist only while they are looked at.
struct Values {
    const GgufTensor & target;  // whose entries they are; progress counts its bytes
    uint64_t stretch;
    // Calls work for the parts of entries [first, first + count), in order.
    std::function<void(uint64_t first, size_t count, unsigned worker, const PartWork & work)> load;
    // Where they are stored as 16-bit numbers: the type, and entries [first, first + count) as they are stored, valid until
    // the worker's next call. They are not checked: NaN and infinity have the largest bits, so they are selected.
    uint32_t half_type = 0;
    std::function<const uint16_t *(uint64_t first, size_t count, unsigned worker)> load_halves;
};

// How often select_largest() looks at all entries, as far as can be foreseen.
unsigned selection_passes(uint64_t entries);

// k: 0 ... entries.
Selection select_largest(Passes & passes, const Values & values, uint64_t k);

// The k largest of `tensors` tensors together, one after the other: what each of them keeps. Two passes (one over
// 16-bit numbers), and one more up to the last entry kept when entries equal to the threshold are cut. k: 0 ... all entries.
std::vector<Selection> select_largest(Passes & passes, size_t tensors, const std::function<Values(size_t)> & open,
                                      uint64_t k);

}  // namespace temperament
