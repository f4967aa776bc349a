// Radix sort, least significant digit first: stable, so ties stay in order.
#include "ranks.h"

#include <utility>

namespace temperament {

namespace {

template <int DigitBits, int Digits>
void rank_by(const uint32_t * magnitudes, uint32_t most, size_t count, uint32_t * ranks, std::vector<uint32_t> & scratch) {
    constexpr uint32_t BINS = 1u << DigitBits;
    // Of the magnitude turned round, so that the largest comes first.
    const auto digit_of = [&](size_t entry, int digit) {
        return (most - magnitudes[entry]) >> (digit * DigitBits) & (BINS - 1);
    };
    if (scratch.size() < 2 * count) scratch.resize(2 * count);
    uint32_t * order = scratch.data();
    uint32_t * sorted = order + count;
    uint32_t starts[Digits][BINS] = {};
    for (size_t i = 0; i < count; i++) {
        for (int digit = 0; digit < Digits; digit++) starts[digit][digit_of(i, digit)]++;
    }
    for (auto & bins : starts) {
        uint32_t start = 0;
        for (uint32_t & bin : bins) start += std::exchange(bin, start);
    }
    for (size_t i = 0; i < count; i++) order[starts[0][digit_of(i, 0)]++] = uint32_t(i);
    for (int digit = 1; digit < Digits - 1; digit++) {
        for (size_t i = 0; i < count; i++) sorted[starts[digit][digit_of(order[i], digit)]++] = order[i];
        std::swap(order, sorted);
    }
    // The place in the order of the last digit is the rank.
    for (size_t i = 0; i < count; i++) ranks[order[i]] = starts[Digits - 1][digit_of(order[i], Digits - 1)]++;
}

}  // namespace

void rank_row(const uint32_t * magnitudes, unsigned bits, size_t count, uint32_t * ranks, std::vector<uint32_t> & scratch) {
    if (bits <= 16) return rank_by<8, 2>(magnitudes, (1u << bits) - 1, count, ranks, scratch);
    rank_by<11, 3>(magnitudes, (1u << bits) - 1, count, ranks, scratch);
}

}  // namespace temperament
