// Philox4x32-7: portable, and eight counters at a time with AVX2, chosen at run time.
#include "random.h"

#include "sha256.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define TEMPERAMENT_AVX2 1
#include <immintrin.h>
#endif

namespace temperament {

namespace {

constexpr int ROUNDS = 7;
constexpr size_t LANES = 8;

constexpr uint32_t MULTIPLIER_0 = 0xD2511F53u, MULTIPLIER_1 = 0xCD9E8D57u;
constexpr uint32_t WEYL_0 = 0x9E3779B9u, WEYL_1 = 0xBB67AE85u;

void philox_portable(const RandomKey & key, uint64_t group, uint32_t * out, size_t groups) {
    for (size_t g = 0; g < groups; g++, group++, out += RANDOM_GROUP) {
        for (size_t l = 0; l < LANES; l++) {
            const uint64_t counter = group * LANES + l;
            uint32_t c0 = uint32_t(counter), c1 = uint32_t(counter >> 32), c2 = key.tag[0], c3 = key.tag[1];
            uint32_t k0 = key.key[0], k1 = key.key[1];
            for (int round = 0; round < ROUNDS; round++) {
                const uint64_t p0 = uint64_t(c0) * MULTIPLIER_0, p1 = uint64_t(c2) * MULTIPLIER_1;
                c0 = uint32_t(p1 >> 32) ^ c1 ^ k0;
                c2 = uint32_t(p0 >> 32) ^ c3 ^ k1;
                c1 = uint32_t(p1);
                c3 = uint32_t(p0);
                k0 += WEYL_0, k1 += WEYL_1;
            }
            out[l] = c0, out[LANES + l] = c1, out[2 * LANES + l] = c2, out[3 * LANES + l] = c3;
        }
    }
}

#ifdef TEMPERAMENT_AVX2
struct Product {
    __m256i high, low;
};
// 32 x 32 -> 64 bits in eight lanes: even and odd lanes apart, then sorted into high and low halves.
__attribute__((target("avx2"), always_inline)) inline Product multiply(__m256i a, __m256i factor) {
    const __m256i even = _mm256_mul_epu32(a, factor);
    const __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), factor);
    return {_mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA),
            _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA)};
}

__attribute__((target("avx2"))) void philox_avx2(const RandomKey & key, uint64_t group, uint32_t * out, size_t groups) {
    const __m256i m0 = _mm256_set1_epi32(int(MULTIPLIER_0)), m1 = _mm256_set1_epi32(int(MULTIPLIER_1));
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    for (size_t g = 0; g < groups; g++, group++, out += RANDOM_GROUP) {
        const uint64_t counter = group * LANES;  // a multiple of eight: the lanes cannot carry
        __m256i c0 = _mm256_add_epi32(_mm256_set1_epi32(int(uint32_t(counter))), lanes);
        __m256i c1 = _mm256_set1_epi32(int(uint32_t(counter >> 32)));
        __m256i c2 = _mm256_set1_epi32(int(key.tag[0])), c3 = _mm256_set1_epi32(int(key.tag[1]));
        uint32_t k0 = key.key[0], k1 = key.key[1];
        for (int round = 0; round < ROUNDS; round++) {
            const Product p0 = multiply(c0, m0), p1 = multiply(c2, m1);
            c0 = _mm256_xor_si256(_mm256_xor_si256(p1.high, c1), _mm256_set1_epi32(int(k0)));
            c2 = _mm256_xor_si256(_mm256_xor_si256(p0.high, c3), _mm256_set1_epi32(int(k1)));
            c1 = p1.low;
            c3 = p0.low;
            k0 += WEYL_0, k1 += WEYL_1;
        }
        auto * to = reinterpret_cast<__m256i *>(out);
        _mm256_storeu_si256(to, c0);
        _mm256_storeu_si256(to + 1, c1);
        _mm256_storeu_si256(to + 2, c2);
        _mm256_storeu_si256(to + 3, c3);
    }
}
#endif

void philox_groups(const RandomKey & key, uint64_t group, uint32_t * out, size_t groups) {
#ifdef TEMPERAMENT_AVX2
    static const bool fast = __builtin_cpu_supports("avx2");
    if (fast) return philox_avx2(key, group, out, groups);
#endif
    philox_portable(key, group, out, groups);
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
