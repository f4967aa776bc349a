// Histograms over float bits, and brackets from samples.
#include "select.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "cpu.h"

namespace temperament {

void count_upper(const float * values, size_t count, uint64_t * bins) {
    for (size_t i = 0; i < count; i++) bins[magnitude_bits(values[i]) >> 16]++;
}

// Collecting the few entries of the bin first lets the scan run on vectors.
TEMPERAMENT_KERNEL void count_lower(const float * values, size_t count, uint32_t upper, uint64_t * bins) {
    constexpr size_t STRETCH = 64;
    size_t i = 0;
    for (; i + STRETCH <= count; i += STRETCH) {
        uint32_t any = 0;
        for (size_t k = 0; k < STRETCH; k++) any |= uint32_t(magnitude_bits(values[i + k]) >> 16 == upper);
        if (!any) continue;
        for (size_t k = 0; k < STRETCH; k++) {
            const uint32_t bits = magnitude_bits(values[i + k]);
            if (bits >> 16 == upper) bins[bits & 0xFFFFu]++;
        }
    }
    for (; i < count; i++) {
        const uint32_t bits = magnitude_bits(values[i]);
        if (bits >> 16 == upper) bins[bits & 0xFFFFu]++;
    }
}

TEMPERAMENT_KERNEL uint64_t count_equal(const float * values, size_t count, uint32_t bits) {
    uint64_t equal = 0;
    for (size_t i = 0; i < count; i++) equal += uint64_t(magnitude_bits(values[i]) == bits);
    return equal;
}

namespace {

// Six standard deviations of the rank that the sample gives to `middle`, going by how its groups differ.
template <typename Word, typename Magnitude>
double margin_of(const std::vector<Word> & sample, size_t group, double share, uint32_t middle, const Magnitude & magnitude) {
    double squares = 0;
    for (size_t start = 0; start < sample.size(); start += group) {
        size_t above = 0;
        for (size_t i = 0; i < group; i++) above += magnitude(sample[start + i]) > middle;
        const double apart = double(above) - share * double(group);
        squares += apart * apart;
    }
    return 6 * std::sqrt(squares) + 10;
}

constexpr size_t GROUP = 32;

// Whole groups of 32 entries; `written` counts what is in `within`.
template <typename Word, typename Entry>
using CollectGroups = size_t (*)(const Entry * values, size_t groups, Bracket bracket, Word * within, size_t & written);

// Writes every entry and moves on only past those within, which needs no branch to predict.
TEMPERAMENT_KERNEL size_t collect_floats_portable(const float * values, size_t groups, Bracket bracket, uint32_t * within,
                                                  size_t & written) {
    const uint32_t width = bracket.high - bracket.low;
    size_t above = 0;
    for (size_t g = 0; g < groups; g++, values += GROUP) {
        uint32_t any = 0, larger = 0;
        for (size_t i = 0; i < GROUP; i++) {
            const uint32_t bits = magnitude_bits(values[i]);
            any |= uint32_t(bits - bracket.low <= width);
            larger += uint32_t(bits > bracket.high);
        }
        above += larger;
        if (!any) continue;
        for (size_t i = 0; i < GROUP; i++) {
            const uint32_t bits = magnitude_bits(values[i]);
            within[written] = bits;
            written += bits - bracket.low <= width;
        }
    }
    return above;
}

#ifdef TEMPERAMENT_X86
TEMPERAMENT_BEGIN(TEMPERAMENT_AVX512)
size_t collect_floats_avx512(const float * values, size_t groups, Bracket bracket, uint32_t * within, size_t & written) {
    const __m512i magnitude = _mm512_set1_epi32(0x7FFFFFFF), high = _mm512_set1_epi32(int32_t(bracket.high));
    const __m512i low = _mm512_set1_epi32(int32_t(bracket.low));
    size_t above = 0, at = written;
    for (size_t g = 0; g < 2 * groups; g++, values += GROUP / 2) {
        const __m512i bits = _mm512_and_si512(_mm512_loadu_si512(values), magnitude);
        const __mmask16 larger = _mm512_cmpgt_epu32_mask(bits, high);
        const auto found = __mmask16(_mm512_cmpge_epu32_mask(bits, low) & ~larger);
        _mm512_storeu_si512(within + at, _mm512_maskz_compress_epi32(found, bits));
        above += size_t(_mm_popcnt_u32(larger));
        at += size_t(_mm_popcnt_u32(found));
    }
    written = at;
    return above;
}
TEMPERAMENT_END
#endif

CollectGroups<uint32_t, float> choose_collect_floats() {
#ifdef TEMPERAMENT_X86
    if (cpu_level() == CpuLevel::Avx512) return collect_floats_avx512;
#endif
    return collect_floats_portable;
}

}  // namespace

Bracket find_bracket(const std::vector<uint32_t> & sample, size_t group, double share) {
    const double n = double(sample.size());
    std::vector<uint32_t> sorted = sample;
    // In descending order, the k-th largest is expected at share * n.
    const auto middle = sorted.begin() + ptrdiff_t(std::min(share * n, n - 1));
    std::nth_element(sorted.begin(), middle, sorted.end(), std::greater<>());
    const double margin = margin_of(sample, group, share, *middle, [](uint32_t bits) { return bits; });
    // Every larger one lies in front of the middle by now, and every smaller one behind it.
    const auto at_rank = [&](double rank) {
        const auto nth = sorted.begin() + ptrdiff_t(rank);
        std::nth_element(nth < middle ? sorted.begin() : middle, nth, nth < middle ? middle : sorted.end(), std::greater<>());
        return *nth;
    };
    Bracket bracket;
    bracket.high = share * n - margin < 0 ? 0x7FFFFFFFu : at_rank(share * n - margin);
    bracket.low = share * n + margin >= n ? 0 : at_rank(share * n + margin);
    return bracket;
}

uint64_t collect(const float * values, size_t count, Bracket bracket, std::vector<uint32_t> & within) {
    static const auto collect_groups = choose_collect_floats();
    const size_t held = within.size();
    within.resize(held + count + GROUP);
    uint32_t * out = within.data() + held;
    size_t written = 0;
    uint64_t above = collect_groups(values, count / GROUP, bracket, out, written);
    for (size_t i = count / GROUP * GROUP; i < count; i++) {
        const uint32_t bits = magnitude_bits(values[i]);
        above += bits > bracket.high;
        if (bits >= bracket.low && bits <= bracket.high) out[written++] = bits;
    }
    within.resize(held + written);
    return above;
}

void count_halves(const uint16_t * values, size_t count, uint64_t * bins) {
    for (size_t i = 0; i < count; i++) bins[values[i] & HALF_MAGNITUDE]++;
}

Bracket find_half_bracket(const std::vector<uint16_t> & sample, size_t group, double share) {
    const double n = double(sample.size());
    std::vector<uint64_t> bins(HALF_BINS);
    count_halves(sample.data(), sample.size(), bins.data());
    // In descending order, the k-th largest is expected at share * n.
    const auto at_rank = [&](double rank) { return uint32_t(find_cut(bins, uint64_t(rank) + 1).bin); };
    const uint32_t middle = at_rank(std::min(share * n, n - 1));
    const double margin = margin_of(sample, group, share, middle, [](uint16_t half) { return uint32_t(half & HALF_MAGNITUDE); });
    Bracket bracket;
    bracket.high = share * n - margin < 0 ? HALF_MAGNITUDE : at_rank(share * n - margin);
    bracket.low = share * n + margin >= n ? 0 : at_rank(share * n + margin);
    return bracket;
}

namespace {

size_t collect_portable(const uint16_t * values, size_t groups, Bracket bracket, uint16_t * within, size_t & written) {
    const uint32_t width = bracket.high - bracket.low;
    size_t above = 0;
    for (size_t g = 0; g < groups; g++, values += GROUP) {
        uint16_t any = 0, larger = 0;
        for (size_t i = 0; i < GROUP; i++) {
            const uint16_t bits = values[i] & HALF_MAGNITUDE;
            any = uint16_t(any | uint16_t(uint16_t(bits - bracket.low) <= width));
            larger = uint16_t(larger + uint16_t(bits > bracket.high));
        }
        above += larger;
        if (!any) continue;
        for (size_t i = 0; i < GROUP; i++) {
            const uint16_t bits = values[i] & HALF_MAGNITUDE;
            within[written] = bits;
            written += uint16_t(bits - bracket.low) <= width;
        }
    }
    return above;
}

#ifdef TEMPERAMENT_X86
TEMPERAMENT_BEGIN(TEMPERAMENT_AVX2)
size_t collect_avx2(const uint16_t * values, size_t groups, Bracket bracket, uint16_t * within, size_t & written) {
    const __m256i magnitude = _mm256_set1_epi16(HALF_MAGNITUDE), high = _mm256_set1_epi16(int16_t(bracket.high));
    const __m256i below = _mm256_set1_epi16(int16_t(int32_t(bracket.low) - 1));
    size_t above = 0;
    for (size_t g = 0; g < groups; g++, values += GROUP) {
        const auto * from = reinterpret_cast<const __m256i *>(values);
        const __m256i a = _mm256_and_si256(_mm256_loadu_si256(from), magnitude);
        const __m256i b = _mm256_and_si256(_mm256_loadu_si256(from + 1), magnitude);
        // Bytes in the order of a's and b's quarters, sorted afterwards: a bit an entry.
        const auto bits = [](__m256i x, __m256i y) __attribute__((target(TEMPERAMENT_AVX2), always_inline)) {
            return uint32_t(_mm256_movemask_epi8(_mm256_permute4x64_epi64(_mm256_packs_epi16(x, y), 0xD8)));
        };
        const uint32_t larger = bits(_mm256_cmpgt_epi16(a, high), _mm256_cmpgt_epi16(b, high));
        uint32_t found = bits(_mm256_cmpgt_epi16(a, below), _mm256_cmpgt_epi16(b, below)) & ~larger;
        above += size_t(_mm_popcnt_u32(larger));
        for (; found; found = _blsr_u32(found)) within[written++] = values[_tzcnt_u32(found)] & HALF_MAGNITUDE;
    }
    return above;
}
TEMPERAMENT_END

TEMPERAMENT_BEGIN(TEMPERAMENT_AVX512 ",avx512vbmi2")
// Packs the entries found to the front and moves on past them: no branch to predict.
constexpr size_t AHEAD = 1024;  // entries to ask the memory for ahead of their use
size_t collect_avx512(const uint16_t * values, size_t groups, Bracket bracket, uint16_t * within, size_t & written) {
    const __m512i magnitude = _mm512_set1_epi16(HALF_MAGNITUDE), high = _mm512_set1_epi16(int16_t(bracket.high));
    const __m512i low = _mm512_set1_epi16(int16_t(bracket.low));
    size_t above = 0, at = written;
    for (size_t g = 0; g < groups; g++, values += GROUP) {
        _mm_prefetch(reinterpret_cast<const char *>(values + AHEAD), _MM_HINT_T0);
        const __m512i bits = _mm512_and_si512(_mm512_loadu_si512(values), magnitude);
        const uint32_t larger = _mm512_cmpgt_epu16_mask(bits, high);
        const uint32_t found = _mm512_cmpge_epu16_mask(bits, low) & ~larger;
        _mm512_storeu_si512(within + at, _mm512_maskz_compress_epi16(found, bits));
        above += size_t(_mm_popcnt_u32(larger));
        at += size_t(_mm_popcnt_u32(found));
    }
    written = at;
    return above;
}
TEMPERAMENT_END
#endif

CollectGroups<uint16_t, uint16_t> choose_collect() {
#ifdef TEMPERAMENT_X86
    if (cpu_level() == CpuLevel::Avx512 && __builtin_cpu_supports("avx512vbmi2")) return collect_avx512;
    if (cpu_level() != CpuLevel::Portable) return collect_avx2;
#endif
    return collect_portable;
}

}  // namespace

Collected collect_halves(const uint16_t * values, size_t count, Bracket bracket, uint16_t * within) {
    static const auto collect_groups = choose_collect();
    size_t written = 0;
    const size_t whole = count / GROUP * GROUP;
    size_t above = collect_groups(values, count / GROUP, bracket, within, written);
    for (size_t i = whole; i < count; i++) {
        const uint32_t bits = values[i] & HALF_MAGNITUDE;
        above += bits > bracket.high;
        if (bits >= bracket.low && bits <= bracket.high) within[written++] = uint16_t(bits);
    }
    return {above, written};
}

size_t find_equal(const float * values, size_t count, uint32_t bits, uint64_t nth) {
    for (size_t i = 0; i < count; i++) {
        if (magnitude_bits(values[i]) == bits && nth-- == 0) return i;
    }
    return count;
}

Cut find_cut(const std::vector<uint64_t> & bins, uint64_t k) {
    uint64_t above = 0;
    size_t bin = bins.size();
    while (bin-- > 0) {
        if (above + bins[bin] >= k) return {bin, k - above, bins[bin]};
        above += bins[bin];
    }
    return {0, 0, 0};
}

}  // namespace temperament
