// Philox4x32-7, eight counters at a time.
#include "random.h"

#include <cstring>

#include "cpu.h"
#include "sha256.h"

namespace temperament {

namespace {

constexpr int ROUNDS = 7;
constexpr size_t LANES = 8;

TEMPERAMENT_KERNEL void philox_groups(const RandomKey & key, uint64_t group, uint32_t * out, size_t groups) {
    for (size_t g = 0; g < groups; g++, group++, out += RANDOM_GROUP) {
        uint32_t c0[LANES], c1[LANES], c2[LANES], c3[LANES];
        for (size_t l = 0; l < LANES; l++) {
            const uint64_t counter = group * LANES + l;
            c0[l] = uint32_t(counter);
            c1[l] = uint32_t(counter >> 32);
            c2[l] = key.tag[0];
            c3[l] = key.tag[1];
        }
        uint32_t k0 = key.key[0], k1 = key.key[1];
        for (int round = 0; round < ROUNDS; round++) {
            for (size_t l = 0; l < LANES; l++) {
                const uint64_t p0 = uint64_t(c0[l]) * 0xD2511F53u;
                const uint64_t p1 = uint64_t(c2[l]) * 0xCD9E8D57u;
                c0[l] = uint32_t(p1 >> 32) ^ c1[l] ^ k0;
                c2[l] = uint32_t(p0 >> 32) ^ c3[l] ^ k1;
                c1[l] = uint32_t(p1);
                c3[l] = uint32_t(p0);
            }
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        memcpy(out, c0, sizeof c0);
        memcpy(out + LANES, c1, sizeof c1);
        memcpy(out + 2 * LANES, c2, sizeof c2);
        memcpy(out + 3 * LANES, c3, sizeof c3);
    }
}

}  // namespace

RandomKey random_key(std::string_view purpose, uint64_t seed, std::string_view id, std::string_view name) {
    Sha256 hash;
    hash.update_field(purpose);
    hash.update_number(seed);
    hash.update_field(id);
    hash.update_field(name);
    const auto digest = hash.digest();
    uint32_t words[4];
    for (int i = 0; i < 4; i++) {
        words[i] = uint32_t(digest[4 * i]) | uint32_t(digest[4 * i + 1]) << 8 | uint32_t(digest[4 * i + 2]) << 16 |
                   uint32_t(digest[4 * i + 3]) << 24;
    }
    return {{words[0], words[1]}, {words[2], words[3]}};
}

void random_words(const RandomKey & key, uint64_t first, uint32_t * out, size_t count) {
    philox_groups(key, first / RANDOM_GROUP, out, (count + RANDOM_GROUP - 1) / RANDOM_GROUP);
}

}  // namespace temperament
