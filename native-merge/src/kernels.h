// The arithmetic of METHOD.md section 3 on stretches of float32: sparsify, weight, agree on a sign, combine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "cpu.h"

namespace temperament {

// The bits of |x|, which order like the values.
TEMPERAMENT_INLINE uint32_t magnitude_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return bits & 0x7FFFFFFFu;
}

// Which entries survive magnitude pruning: those above the threshold, and of those equal to it the ones whose index in
// the tensor is at most last_tie.
struct Selection {
    uint32_t threshold = 0;     // bits of |delta|
    uint64_t last_tie = UINT64_MAX;
};

// Entries of a tensor as they are stored, in F32, F16 or BF16. For both 16-bit types the lower 15 bits order like |x|.
struct Stored {
    uint32_t type;
    void * data;
};

// True when no entry is NaN or infinite.
bool all_finite(const Stored & values, size_t count);

// Into out, of the same type, the entries where keep[i] is 0xFFFF and zeros where it is 0. False when one of them all is NaN
// or infinite.
bool mask_entries(const Stored & delta, const uint16_t * keep, void * out, size_t count);

// The same with what `selection` names; the stretch starts at entry `first` of the tensor.
void mask_selected(const Stored & delta, const Selection & selection, uint64_t first, void * out, size_t count);

// Drops what `selection` names from `values` and keeps the rest.
void drop_selected(const Stored & values, const Selection & selection, uint64_t first, size_t count);

// Keeps what `selection` names, going by other numbers, the keys, of the same entries.
void mask_selected_by(float * delta, const float * keys, const Selection & selection, uint64_t first, size_t count);

// The probability that an entry is kept: highest - step * rank, where rank 0 is the largest of the row.
struct RankedChance {
    double highest, step;
};
// delta[i] = words[i] < floor(2^32 * probability) ? delta[i] : 0, if `rescale` divided by its own probability.
void mask_ranked(float * delta, const uint32_t * words, const uint32_t * ranks, RankedChance chance, bool rescale,
                 size_t count);

// sum[i] /= divisors[i], 0 counting as 1.
void divide_by(float * sum, const float * divisors, size_t count);

// out[i] = standard deviation over the vectors of weight_v * delta_v[i] and `absent` zeros, in double, rounded once.
void deviation(float * out, const float * const * deltas, const float * weights, size_t n_vectors, size_t absent,
               size_t count);

// rows x columns stretch of scale * (B A): out[i * stride + j] = scale * sum_k b[i * rank + k] * a[k * a_stride + j],
// summed in the order of k.
void multiply_factors(float * out, size_t stride, const float * b, const float * a, size_t a_stride, size_t rank,
                      float scale, size_t rows, size_t columns);

// values[i] -= base[i]
void subtract(float * values, const float * base, size_t count);

// Sums in double over blocks of SUM_BLOCK entries, added in order of the blocks: the caller cuts its stretches at
// multiples of SUM_BLOCK, so the total does not depend on how.
constexpr size_t SUM_BLOCK = 4096;
double sum_of_squares(const float * values, size_t count);   // count <= SUM_BLOCK
double sum_of_magnitudes(const float * values, size_t count);
double dot(const float * a, const float * b, size_t count);

}  // namespace temperament
