// Radix sort, least significant digit first: stable, so ties stay in order.
#include "ranks.h"

#include <utility>

namespace temperament {

namespace {
constexpr int DIGIT_BITS = 11;
constexpr int DIGITS = 3;  // 31 bits
constexpr uint32_t BINS = 1u << DIGIT_BITS;

// Of the magnitude turned round, so that the largest comes first.
uint32_t digit_of(uint32_t bits, int digit) { return (0x7FFFFFFFu - bits) >> (digit * DIGIT_BITS) & (BINS - 1); }
}  // namespace

void rank_row(const uint32_t * bits, size_t count, uint32_t * ranks, std::vector<uint32_t> & scratch) {
    if (scratch.size() < 2 * count) scratch.resize(2 * count);
    uint32_t * order = scratch.data();
    uint32_t * sorted = order + count;
    uint32_t starts[DIGITS][BINS] = {};
    for (size_t i = 0; i < count; i++) {
        order[i] = uint32_t(i);
        for (int digit = 0; digit < DIGITS; digit++) starts[digit][digit_of(bits[i], digit)]++;
    }
    for (int digit = 0; digit < DIGITS; digit++) {
        uint32_t start = 0;
        for (uint32_t & bin : starts[digit]) start += std::exchange(bin, start);
        for (size_t i = 0; i < count; i++) {
            const uint32_t entry = order[i];
            sorted[starts[digit][digit_of(bits[entry], digit)]++] = entry;
        }
        std::swap(order, sorted);
    }
    for (size_t i = 0; i < count; i++) ranks[order[i]] = uint32_t(i);
}

}  // namespace temperament
