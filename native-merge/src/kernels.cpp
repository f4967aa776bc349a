// Plain loops the compiler vectorises; order of operations is part of the result and stays as written.
#include "kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include <ggml.h>

#include "convert.h"
#include "cpu.h"
#include "float_bits.h"

namespace temperament {

namespace {

// -1 in every bit where the condition holds; and-ing the bits avoids a branch and keeps the exact value.
TEMPERAMENT_INLINE float keep_if(bool keep, float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    bits &= keep ? 0xFFFFFFFFu : 0u;
    memcpy(&value, &bits, 4);
    return value;
}

}  // namespace

// The bits of |x| are the largest, and at least these, where x is NaN or infinite.
TEMPERAMENT_INLINE uint32_t infinite_bits(uint32_t type) {
    return type == GGML_TYPE_F16 ? 0x7C00u : type == GGML_TYPE_BF16 ? 0x7F80u : 0x7F800000u;
}

TEMPERAMENT_KERNEL uint16_t largest_16(const uint16_t * values, size_t count) {
    uint16_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        const uint16_t magnitude = values[i] & 0x7FFFu;
        largest = magnitude > largest ? magnitude : largest;
    }
    return largest;
}

bool all_finite(const Stored & values, size_t count) {
    if (values.type == GGML_TYPE_F32) return all_finite(static_cast<const float *>(values.data), count);
    return largest_16(static_cast<const uint16_t *>(values.data), count) < infinite_bits(values.type);
}

// Both return the largest magnitude there was.
TEMPERAMENT_KERNEL uint16_t mask_16(const uint16_t * __restrict delta, const uint16_t * __restrict keep,
                                    uint16_t * __restrict out, size_t count) {
    uint16_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        const uint16_t magnitude = delta[i] & 0x7FFFu;
        largest = magnitude > largest ? magnitude : largest;
        out[i] = delta[i] & keep[i];
    }
    return largest;
}
TEMPERAMENT_KERNEL uint32_t mask_32(const uint32_t * __restrict delta, const uint16_t * __restrict keep,
                                    uint32_t * __restrict out, size_t count) {
    uint32_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        const uint32_t magnitude = delta[i] & 0x7FFFFFFFu;
        largest = magnitude > largest ? magnitude : largest;
        out[i] = delta[i] & uint32_t(int32_t(int16_t(keep[i])));
    }
    return largest;
}

bool mask_entries(const Stored & delta, const uint16_t * keep, void * out, size_t count) {
    const uint32_t largest =
        delta.type == GGML_TYPE_F32
            ? mask_32(static_cast<const uint32_t *>(delta.data), keep, static_cast<uint32_t *>(out), count)
            : mask_16(static_cast<const uint16_t *>(delta.data), keep, static_cast<uint16_t *>(out), count);
    return largest < infinite_bits(delta.type);
}

// Up to which position within the stretch ties are selected.
TEMPERAMENT_INLINE size_t ties_within(const Selection & selection, uint64_t first, size_t count) {
    if (selection.last_tie < first) return 0;
    return size_t(std::min<uint64_t>(selection.last_tie - first, count - 1)) + 1;
}

// Keeps (or drops) the entries whose bits of |x| are at least `least`.
template <bool Drop, typename Bits>
TEMPERAMENT_INLINE void keep_from(const Bits * in, Bits * out, Bits least, size_t begin, size_t end) {
    constexpr Bits magnitude = Bits(Bits(~Bits(0)) >> 1);
    for (size_t i = begin; i < end; i++) out[i] = ((in[i] & magnitude) >= least) != Drop ? in[i] : Bits(0);
}
TEMPERAMENT_KERNEL void keep_16(const uint16_t * __restrict in, uint16_t * __restrict out, uint16_t least, size_t begin, size_t end) {
    keep_from<false>(in, out, least, begin, end);
}
TEMPERAMENT_KERNEL void keep_32(const uint32_t * __restrict in, uint32_t * __restrict out, uint32_t least, size_t begin, size_t end) {
    keep_from<false>(in, out, least, begin, end);
}
TEMPERAMENT_KERNEL void drop_16(uint16_t * values, uint16_t least, size_t begin, size_t end) {
    keep_from<true>(values, values, least, begin, end);
}
TEMPERAMENT_KERNEL void drop_32(uint32_t * values, uint32_t least, size_t begin, size_t end) {
    keep_from<true>(values, values, least, begin, end);
}

// The smallest 15 bits of the type whose float32 has at least these bits.
uint16_t least_16(uint32_t type, uint32_t bits) {
    if (type == GGML_TYPE_BF16) return uint16_t((bits + 0xFFFFu) >> 16);
    const uint16_t nearest = float_to_half(bits_float(bits));
    return uint16_t(nearest + (float_bits(half_to_float(nearest)) < bits));
}

// Up to the last tie, entries equal to the threshold are selected; after it, only larger ones.
void mask_selected(const Stored & delta, const Selection & selection, uint64_t first, void * out, size_t count) {
    const size_t ties = ties_within(selection, first, count);
    const uint32_t equal = selection.threshold, above = selection.threshold + 1;
    if (delta.type == GGML_TYPE_F32) {
        const auto * in = static_cast<const uint32_t *>(delta.data);
        keep_32(in, static_cast<uint32_t *>(out), equal, 0, ties);
        keep_32(in, static_cast<uint32_t *>(out), above, ties, count);
    } else {
        const auto * in = static_cast<const uint16_t *>(delta.data);
        keep_16(in, static_cast<uint16_t *>(out), least_16(delta.type, equal), 0, ties);
        keep_16(in, static_cast<uint16_t *>(out), least_16(delta.type, above), ties, count);
    }
}

void drop_selected(const Stored & values, const Selection & selection, uint64_t first, size_t count) {
    const size_t ties = ties_within(selection, first, count);
    const uint32_t equal = selection.threshold, above = selection.threshold + 1;
    if (values.type == GGML_TYPE_F32) {
        drop_32(static_cast<uint32_t *>(values.data), equal, 0, ties);
        drop_32(static_cast<uint32_t *>(values.data), above, ties, count);
    } else {
        drop_16(static_cast<uint16_t *>(values.data), least_16(values.type, equal), 0, ties);
        drop_16(static_cast<uint16_t *>(values.data), least_16(values.type, above), ties, count);
    }
}

TEMPERAMENT_KERNEL void mask_selected_by(float * __restrict delta, const float * __restrict keys,
                                         const Selection & selection, uint64_t first, size_t count) {
    const uint32_t threshold = selection.threshold;
    const size_t ties = ties_within(selection, first, count);
    for (size_t i = 0; i < ties; i++) delta[i] = keep_if(magnitude_bits(keys[i]) >= threshold, delta[i]);
    for (size_t i = ties; i < count; i++) delta[i] = keep_if(magnitude_bits(keys[i]) > threshold, delta[i]);
}

TEMPERAMENT_KERNEL void mask_ranked(float * __restrict delta, const uint32_t * __restrict words,
                                    const uint32_t * __restrict ranks, RankedChance chance, bool rescale, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const double probability = std::max(chance.highest - chance.step * double(ranks[i]), 0.0);
        const bool keep = double(words[i]) < std::floor(probability * 4294967296.0);
        const float scaled = rescale ? delta[i] / float(probability) : delta[i];
        delta[i] = keep_if(keep, scaled);
    }
}

TEMPERAMENT_KERNEL void divide_by(float * __restrict sum, const float * __restrict divisors, size_t count) {
    for (size_t i = 0; i < count; i++) sum[i] /= divisors[i] == 0.0f ? 1.0f : divisors[i];
}

// to[i] += weight * delta[i], in double.
TEMPERAMENT_KERNEL void add_weighted(double * __restrict to, const float * __restrict delta, float weight, size_t count) {
    for (size_t i = 0; i < count; i++) to[i] += double(weight * delta[i]);
}
// squares[i] += (weight * delta[i] - mean[i])^2, in double.
TEMPERAMENT_KERNEL void add_squares(double * __restrict squares, const double * __restrict mean,
                                    const float * __restrict delta, float weight, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const double apart = double(weight * delta[i]) - mean[i];
        squares[i] += apart * apart;
    }
}

// Group by group, and the loops above in functions of their own: inlined, GCC 12 goes through two vectors at once and
// then entry by entry.
TEMPERAMENT_KERNEL void deviation(float * __restrict out, const float * const * deltas, const float * weights,
                                  size_t n_vectors, size_t absent, size_t count) {
    constexpr size_t GROUP = 256;
    const double n = double(n_vectors + absent);
    for (size_t start = 0; start < count; start += GROUP) {
        const size_t size = std::min(GROUP, count - start);
        double mean[GROUP] = {}, squares[GROUP] = {};
        for (size_t v = 0; v < n_vectors; v++) add_weighted(mean, deltas[v] + start, weights[v], size);
        for (size_t i = 0; i < size; i++) mean[i] /= n;
        for (size_t v = 0; v < n_vectors; v++) add_squares(squares, mean, deltas[v] + start, weights[v], size);
        for (size_t i = 0; i < size; i++) {
            out[start + i] = float(std::sqrt((squares[i] + double(absent) * (mean[i] * mean[i])) / n));
        }
    }
}

// A tile of the result stays in registers over the whole of k.
constexpr size_t TILE_ROWS = 4, TILE_COLUMNS = 32;

template <size_t Rows>
TEMPERAMENT_INLINE void multiply_tile(float * __restrict out, size_t stride, const float * __restrict b,
                                      const float * __restrict packed, size_t rank, float scale, size_t width) {
    float tile[Rows][TILE_COLUMNS] = {};
    for (size_t k = 0; k < rank; k++) {
        for (size_t r = 0; r < Rows; r++) {
            const float factor = b[r * rank + k];
            for (size_t c = 0; c < TILE_COLUMNS; c++) tile[r][c] += factor * packed[k * TILE_COLUMNS + c];
        }
    }
    for (size_t r = 0; r < Rows; r++) {
        for (size_t c = 0; c < width; c++) out[r * stride + c] = scale * tile[r][c];
    }
}

// The columns of `a` that a tile needs are copied side by side: whole rows apart they would crowd into one set of the
// cache. Missing columns are zeros.
TEMPERAMENT_KERNEL void multiply_factors(float * __restrict out, size_t stride, const float * __restrict b,
                                         const float * __restrict a, size_t a_stride, size_t rank, float scale,
                                         size_t rows, size_t columns) {
    thread_local std::vector<float> packing;
    packing.assign(rank * TILE_COLUMNS, 0.0f);
    float * packed = packing.data();
    for (size_t j = 0; j < columns; j += TILE_COLUMNS) {
        const size_t width = std::min(TILE_COLUMNS, columns - j);
        for (size_t k = 0; k < rank; k++) {
            for (size_t c = 0; c < width; c++) packed[k * TILE_COLUMNS + c] = a[k * a_stride + j + c];
        }
        size_t i = 0;
        for (; i + TILE_ROWS <= rows; i += TILE_ROWS) {
            multiply_tile<TILE_ROWS>(out + i * stride + j, stride, b + i * rank, packed, rank, scale, width);
        }
        for (; i < rows; i++) multiply_tile<1>(out + i * stride + j, stride, b + i * rank, packed, rank, scale, width);
    }
}

TEMPERAMENT_KERNEL void subtract(float * __restrict values, const float * __restrict base, size_t count) {
    for (size_t i = 0; i < count; i++) values[i] -= base[i];
}

// Eight running sums: a fixed order that a vector unit can follow.
TEMPERAMENT_KERNEL double sum_of_squares(const float * values, size_t count) {
    double lanes[8] = {};
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        for (size_t l = 0; l < 8; l++) lanes[l] += double(values[i + l]) * double(values[i + l]);
    }
    for (size_t l = 0; i < count; i++, l++) lanes[l] += double(values[i]) * double(values[i]);
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

TEMPERAMENT_KERNEL double sum_of_magnitudes(const float * values, size_t count) {
    double lanes[8] = {};
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        for (size_t l = 0; l < 8; l++) {
            const float value = values[i + l];
            lanes[l] += double(value < 0.0f ? -value : value);
        }
    }
    for (size_t l = 0; i < count; i++, l++) lanes[l] += double(values[i] < 0.0f ? -values[i] : values[i]);
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

TEMPERAMENT_KERNEL double dot(const float * a, const float * b, size_t count) {
    double lanes[8] = {};
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        for (size_t l = 0; l < 8; l++) lanes[l] += double(a[i + l]) * double(b[i + l]);
    }
    for (size_t l = 0; i < count; i++, l++) lanes[l] += double(a[i]) * double(b[i]);
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

}  // namespace temperament
