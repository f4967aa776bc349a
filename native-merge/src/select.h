// The steps of exact selection of the k largest magnitudes of a tensor that is only ever seen in stretches (selector.h
// puts them together). The bits of |x| order like the values, so nothing is rounded. Two ways to the same answer:
// - a sample brackets the k-th magnitude; one pass counts what lies above the bracket and collects what lies within;
// - histograms of the upper and then the lower half of the bits: always two passes, for small tensors and for brackets
//   that miss or collect too much.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels.h"

namespace temperament {

constexpr size_t UPPER_BINS = size_t(1) << 15;  // |x| has 31 bits
constexpr size_t LOWER_BINS = size_t(1) << 16;

// Adds the entries to bins[bits of |x| >> 16].
void count_upper(const float * values, size_t count, uint64_t * bins);
// Adds the entries whose upper bits are `upper` to bins[bits & 0xFFFF].
void count_lower(const float * values, size_t count, uint32_t upper, uint64_t * bins);
// Entries whose |x| has exactly these bits.
uint64_t count_equal(const float * values, size_t count, uint32_t bits);
// The smallest and largest magnitude (as bits) that the k-th largest of a tensor may have, going by a sample of it.
struct Bracket {
    uint32_t low, high;
};
// sample: bits of |x|, in groups of `group` neighbours; share: k / N in (0, 1]. Six standard deviations of the sample's
// rank on both sides, as the groups differ: neighbours may be alike.
Bracket find_bracket(const std::vector<uint32_t> & sample, size_t group, double share);
// Appends the bits of the entries within the bracket, in order; returns how many lie above it.
uint64_t collect(const float * values, size_t count, Bracket bracket, std::vector<uint32_t> & within);

// Position of the nth (from 0) entry with these bits; count when there is none.
size_t find_equal(const float * values, size_t count, uint32_t bits, uint64_t nth);

// The same on 16-bit numbers as they are stored, whose lower 15 bits order like |x|. One pass suffices: what lies within
// the bracket is counted by its bits, so the ties of the threshold are counted too.
constexpr uint16_t HALF_MAGNITUDE = 0x7FFF;
constexpr size_t HALF_BINS = size_t(1) << 15;
void count_halves(const uint16_t * values, size_t count, uint64_t * bins);
Bracket find_half_bracket(const std::vector<uint16_t> & sample, size_t group, double share);
// Writes the lower 15 bits of the entries within the bracket to `within` (room for count + 32).
struct Collected {
    size_t above, within;  // entries
};
Collected collect_halves(const uint16_t * values, size_t count, Bracket bracket, uint16_t * within);

// The bin that holds the k-th largest (k >= 1), and how many of that bin are among the k largest.
struct Cut {
    size_t bin;
    uint64_t needed;
    uint64_t held;  // entries in the bin
};
Cut find_cut(const std::vector<uint64_t> & bins, uint64_t k);

}  // namespace temperament
