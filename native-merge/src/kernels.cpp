// Plain loops the compiler vectorises; order of operations is part of the result and stays as written.
#include "kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "cpu.h"

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

constexpr size_t TILE_ROWS = 4;
constexpr size_t TILE_COLUMNS = 32;

}  // namespace

TEMPERAMENT_KERNEL void accumulate(float * __restrict sum, const float * __restrict delta, float weight, size_t count,
                                   bool first) {
    if (first) {
        for (size_t i = 0; i < count; i++) sum[i] = weight * delta[i];
    } else {
        for (size_t i = 0; i < count; i++) sum[i] += weight * delta[i];
    }
}

TEMPERAMENT_KERNEL void mask_random(float * __restrict delta, const uint32_t * __restrict words, uint32_t threshold,
                                    size_t count) {
    for (size_t i = 0; i < count; i++) delta[i] = keep_if(words[i] < threshold, delta[i]);
}

// Up to which position within the stretch ties are selected.
TEMPERAMENT_INLINE size_t ties_within(const Selection & selection, uint64_t first, size_t count) {
    if (selection.last_tie < first) return 0;
    return size_t(std::min<uint64_t>(selection.last_tie - first, count - 1)) + 1;
}

// keys may be the values themselves.
TEMPERAMENT_INLINE void keep_selected(float * values, const float * keys, const Selection & selection, uint64_t first,
                                      size_t count) {
    const uint32_t threshold = selection.threshold;
    const size_t ties = ties_within(selection, first, count);
    for (size_t i = 0; i < ties; i++) values[i] = keep_if(magnitude_bits(keys[i]) >= threshold, values[i]);
    for (size_t i = ties; i < count; i++) values[i] = keep_if(magnitude_bits(keys[i]) > threshold, values[i]);
}

TEMPERAMENT_KERNEL void mask_selected(float * delta, const Selection & selection, uint64_t first, size_t count) {
    keep_selected(delta, delta, selection, first, count);
}

TEMPERAMENT_KERNEL void mask_selected_by(float * __restrict delta, const float * __restrict keys,
                                         const Selection & selection, uint64_t first, size_t count) {
    keep_selected(delta, keys, selection, first, count);
}

TEMPERAMENT_KERNEL void drop_selected(float * delta, const Selection & selection, uint64_t first, size_t count) {
    const uint32_t threshold = selection.threshold;
    const size_t ties = ties_within(selection, first, count);
    for (size_t i = 0; i < ties; i++) delta[i] = keep_if(magnitude_bits(delta[i]) < threshold, delta[i]);
    for (size_t i = ties; i < count; i++) delta[i] = keep_if(magnitude_bits(delta[i]) <= threshold, delta[i]);
}

TEMPERAMENT_KERNEL void copy_kept(uint16_t * __restrict out, const uint16_t * __restrict stored,
                                  const float * __restrict values, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = values[i] != 0.0f ? stored[i] : uint16_t(0);
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

#if defined(__GNUC__)
// Sixteen numbers at once; the compiler splits them as the instruction set asks. Loops over plain arrays were vectorised
// only in part here, and ran ten times slower.
typedef float Floats __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t Mask __attribute__((vector_size(64), aligned(4), may_alias));
constexpr size_t WIDTH = sizeof(Floats) / sizeof(float);

// One: every voice votes, gains and shares by its weight alone.
template <bool One>
TEMPERAMENT_INLINE void combine_tile(float * sum, const float * const * deltas, const Voice * voices, size_t n_vectors,
                                     bool normalize, size_t start) {
    const Floats zero = {}, one = zero + 1.0f;
    Floats total = zero, kept = zero, divisor = zero;
    for (size_t v = 0; v < n_vectors; v++) total += voices[v].vote * *reinterpret_cast<const Floats *>(deltas[v] + start);
    const Floats sign = total >= zero ? one : -one;
    // Turned by the elected sign, products that agree are positive; turning changes no rounding.
    for (size_t v = 0; v < n_vectors; v++) {
        const Floats delta = *reinterpret_cast<const Floats *>(deltas[v] + start);
        const Floats turned = sign * (voices[v].vote * delta);
        const Mask agrees = turned > zero;
        kept += agrees ? (One ? turned : sign * (voices[v].gain * delta)) : zero;
        divisor += agrees ? zero + voices[v].share : zero;
    }
    if (normalize) kept /= divisor == zero ? one : divisor;
    *reinterpret_cast<Floats *>(sum + start) = sign * kept;
}
#endif

TEMPERAMENT_INLINE void combine_one(float * sum, const float * const * deltas, const Voice * voices, size_t n_vectors,
                                    bool normalize, size_t i) {
    float total = 0, kept = 0, divisor = 0;
    for (size_t v = 0; v < n_vectors; v++) total += voices[v].vote * deltas[v][i];
    const float sign = total >= 0.0f ? 1.0f : -1.0f;
    for (size_t v = 0; v < n_vectors; v++) {
        const bool agrees = sign * (voices[v].vote * deltas[v][i]) > 0.0f;
        if (agrees) kept += sign * (voices[v].gain * deltas[v][i]), divisor += voices[v].share;
    }
    if (normalize) kept /= divisor == 0.0f ? 1.0f : divisor;
    sum[i] = sign * kept;
}

TEMPERAMENT_KERNEL void combine_by_weight(float * sum, const float * const * deltas, const Voice * voices,
                                          size_t n_vectors, bool normalize, size_t count) {
    size_t i = 0;
#if defined(__GNUC__)
    for (; i + WIDTH <= count; i += WIDTH) combine_tile<true>(sum, deltas, voices, n_vectors, normalize, i);
#endif
    for (; i < count; i++) combine_one(sum, deltas, voices, n_vectors, normalize, i);
}

TEMPERAMENT_KERNEL void combine_by_voice(float * sum, const float * const * deltas, const Voice * voices,
                                         size_t n_vectors, bool normalize, size_t count) {
    size_t i = 0;
#if defined(__GNUC__)
    for (; i + WIDTH <= count; i += WIDTH) combine_tile<false>(sum, deltas, voices, n_vectors, normalize, i);
#endif
    for (; i < count; i++) combine_one(sum, deltas, voices, n_vectors, normalize, i);
}

void combine_by_sign(float * sum, const float * const * deltas, const Voice * voices, size_t n_vectors, bool normalize,
                     size_t count) {
    const bool one = std::all_of(voices, voices + n_vectors, [](const Voice & v) { return v.gain == v.vote; });
    if (one) combine_by_weight(sum, deltas, voices, n_vectors, normalize, count);
    else combine_by_voice(sum, deltas, voices, n_vectors, normalize, count);
}

TEMPERAMENT_KERNEL void divide_by(float * __restrict sum, const float * __restrict divisors, size_t count) {
    for (size_t i = 0; i < count; i++) sum[i] /= divisors[i] == 0.0f ? 1.0f : divisors[i];
}

TEMPERAMENT_KERNEL void deviation(float * __restrict out, const float * const * deltas, const float * weights,
                                  size_t n_vectors, size_t absent, size_t count) {
    const double n = double(n_vectors + absent);
    for (size_t i = 0; i < count; i++) {
        double mean = 0, squares = 0;
        for (size_t v = 0; v < n_vectors; v++) mean += double(weights[v] * deltas[v][i]);
        mean /= n;
        for (size_t v = 0; v < n_vectors; v++) {
            const double apart = double(weights[v] * deltas[v][i]) - mean;
            squares += apart * apart;
        }
        out[i] = float(std::sqrt((squares + double(absent) * (mean * mean)) / n));
    }
}

TEMPERAMENT_KERNEL void apply(float * __restrict values, const float * __restrict sum, float divisor, float lambda,
                              size_t count) {
    if (divisor == 1.0f) {
        for (size_t i = 0; i < count; i++) {
            const float moved = values[i] + lambda * sum[i];
            values[i] = sum[i] == 0.0f ? values[i] : moved;
        }
    } else {
        for (size_t i = 0; i < count; i++) {
            const float moved = values[i] + lambda * (sum[i] / divisor);
            values[i] = sum[i] == 0.0f ? values[i] : moved;
        }
    }
}

TEMPERAMENT_KERNEL void multiply_factors(float * __restrict out, size_t stride, const float * __restrict b,
                                         const float * __restrict a, size_t a_stride, size_t rank, float scale,
                                         size_t rows, size_t columns) {
    for (size_t j = 0; j < columns; j += TILE_COLUMNS) {
        const size_t width = std::min(TILE_COLUMNS, columns - j);
        for (size_t i = 0; i < rows; i += TILE_ROWS) {
            const size_t height = std::min(TILE_ROWS, rows - i);
            float tile[TILE_ROWS][TILE_COLUMNS] = {};
            if (height == TILE_ROWS && width == TILE_COLUMNS) {
                for (size_t k = 0; k < rank; k++) {
                    const float * __restrict row = a + k * a_stride + j;
                    for (size_t r = 0; r < TILE_ROWS; r++) {
                        const float factor = b[(i + r) * rank + k];
                        for (size_t c = 0; c < TILE_COLUMNS; c++) tile[r][c] += factor * row[c];
                    }
                }
            } else {
                for (size_t k = 0; k < rank; k++) {
                    const float * __restrict row = a + k * a_stride + j;
                    for (size_t r = 0; r < height; r++) {
                        const float factor = b[(i + r) * rank + k];
                        for (size_t c = 0; c < width; c++) tile[r][c] += factor * row[c];
                    }
                }
            }
            for (size_t r = 0; r < height; r++) {
                for (size_t c = 0; c < width; c++) out[(i + r) * stride + j + c] = scale * tile[r][c];
            }
        }
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
