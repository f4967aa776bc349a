// Ranks of a row's magnitudes, for DELLA.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace temperament {

// ranks[i] = how many entries of the row come before entry i when the largest comes first and ties go by index.
// magnitudes: whole numbers of so many bits (at most 31) that order like |x|. count < 2^32. scratch: grown as needed.
void rank_row(const uint32_t * magnitudes, unsigned bits, size_t count, uint32_t * ranks, std::vector<uint32_t> & scratch);

}  // namespace temperament
