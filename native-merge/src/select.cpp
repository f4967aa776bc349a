// Histograms over float bits.
#include "select.h"

#include <cstring>

#include "cpu.h"

namespace temperament {

namespace {
TEMPERAMENT_INLINE uint32_t magnitude_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return bits & 0x7FFFFFFFu;
}
}  // namespace

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
