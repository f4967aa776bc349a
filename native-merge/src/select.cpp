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

Bracket find_bracket(std::vector<uint32_t> & sample, double share) {
    const double n = double(sample.size());
    const double margin = 10 * std::sqrt(n * share * (1 - share)) + 10;
    // In descending order, the k-th largest is expected at share * n.
    const auto at_rank = [&](double rank) {
        const auto nth = sample.begin() + ptrdiff_t(rank);
        std::nth_element(sample.begin(), nth, sample.end(), std::greater<>());
        return *nth;
    };
    Bracket bracket;
    bracket.high = share * n - margin < 0 ? UINT32_MAX : at_rank(share * n - margin);
    bracket.low = share * n + margin >= n ? 0 : at_rank(share * n + margin);
    return bracket;
}

TEMPERAMENT_KERNEL uint64_t count_above(const float * values, size_t count, uint32_t bits) {
    uint32_t above = 0;
    for (size_t i = 0; i < count; i++) above += uint32_t(magnitude_bits(values[i]) > bits);
    return above;
}

// Writes every entry and moves on only past those within, which needs no branch to predict. out: count + 1 entries.
TEMPERAMENT_KERNEL size_t pick(const float * values, size_t count, Bracket bracket, uint32_t * out) {
    constexpr size_t GROUP = 32;
    const uint32_t width = bracket.high - bracket.low;
    size_t found = 0;
    for (size_t start = 0; start < count; start += GROUP) {
        const size_t n = std::min(GROUP, count - start);
        uint32_t any = 0;
        for (size_t i = 0; i < n; i++) any |= uint32_t(magnitude_bits(values[start + i]) - bracket.low <= width);
        if (!any) continue;
        for (size_t i = 0; i < n; i++) {
            const uint32_t bits = magnitude_bits(values[start + i]);
            out[found] = bits;
            found += bits - bracket.low <= width;
        }
    }
    return found;
}

uint64_t collect(const float * values, size_t count, Bracket bracket, std::vector<uint32_t> & within) {
    const size_t held = within.size();
    within.resize(held + count + 1);
    within.resize(held + pick(values, count, bracket, within.data() + held));
    return count_above(values, count, bracket.high);
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
