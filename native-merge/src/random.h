// Counter-based random numbers: a word depends on a key and its index only, so a mask is the same for any thread count,
// chunk size and device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace temperament {

// Words come in groups of 32 = 8 lanes x 4 words. Word i of the stream is word (i / 8) % 4 of
// Philox4x32-7(counter = {low and high half of 8 * (i / 32) + i % 8, tag[0], tag[1]}, key), after Salmon et al. 2011,
// "Parallel random numbers: as easy as 1, 2, 3" (seven rounds pass BigCrush). Eight lanes suit any vector unit.
constexpr size_t RANDOM_GROUP = 32;

struct RandomKey {
    uint32_t key[2];
    uint32_t tag[2];
};

// The first 16 bytes of SHA-256 over purpose, seed, id and name, each with its length.
RandomKey random_key(std::string_view purpose, uint64_t seed, std::string_view id, std::string_view name);

// count words from word `first` on; first is a multiple of RANDOM_GROUP. Writes up to the next multiple of it.
void random_words(const RandomKey & key, uint64_t first, uint32_t * out, size_t count);

}  // namespace temperament
