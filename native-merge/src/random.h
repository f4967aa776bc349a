// Counter-based random numbers: a word depends on a key and its index only, so a mask is the same for any thread count,
// chunk size and device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace temperament {

// Word i of a stream has 32 bits, each half of them from a block of Philox4x32-7 (Salmon et al. 2011, "Parallel random
// numbers: as easy as 1, 2, 3"; seven rounds pass BigCrush). A block's four words are eight halves, the low one of each word
// first. With j = i / 8 (rounded down), the upper half of word i is half i % 8 of the block at counter {low and high 32
// bits of j, tag[0], tag[1]}; the lower half is half i % 8 of the block at j + 2^63. So comparing a word takes one half,
// and the second only where the first is equal.
constexpr size_t RANDOM_GROUP = 64;

struct RandomKey {
    uint32_t key[2];
    uint32_t tag[2];
};

// The first 16 bytes of SHA-256 over purpose, seed, id and name, each with its length.
RandomKey random_key(std::string_view purpose, uint64_t seed, std::string_view id, std::string_view name);

// count words from word `first` on; first is a multiple of RANDOM_GROUP.
void random_words(const RandomKey & key, uint64_t first, uint32_t * out, size_t count);

// keep[i] = 0xFFFF where word first + i < threshold, else 0. first is a multiple of RANDOM_GROUP; writes up to the next
// multiple of it. A threshold of 2^32 * density keeps that share.
void random_mask(const RandomKey & key, uint64_t first, uint32_t threshold, uint16_t * keep, size_t count);

}  // namespace temperament
