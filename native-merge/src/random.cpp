// Philox4x32-7: portable, and several counters at a time with AVX2 and AVX-512.
#include "random.h"

#include <algorithm>
#include <cstring>

#include "cpu.h"
#include "sha256.h"

namespace temperament {

namespace {

constexpr int ROUNDS = 7;
constexpr size_t HALVES = 8;  // of a block
constexpr size_t BLOCKS = RANDOM_GROUP / HALVES;

constexpr uint32_t MULTIPLIER_0 = 0xD2511F53u, MULTIPLIER_1 = 0xCD9E8D57u;
constexpr uint32_t WEYL_0 = 0x9E3779B9u, WEYL_1 = 0xBB67AE85u;

// Each variant writes the halves of `groups` groups of blocks, from block `block` (a multiple of BLOCKS) on.
void philox_portable(const RandomKey & key, uint64_t block, uint16_t * out, size_t groups) {
    for (size_t b = 0; b < groups * BLOCKS; b++, block++, out += HALVES) {
        uint32_t c0 = uint32_t(block), c1 = uint32_t(block >> 32), c2 = key.tag[0], c3 = key.tag[1];
        uint32_t k0 = key.key[0], k1 = key.key[1];
        for (int round = 0; round < ROUNDS; round++) {
            const uint64_t p0 = uint64_t(c0) * MULTIPLIER_0, p1 = uint64_t(c2) * MULTIPLIER_1;
            c0 = uint32_t(p1 >> 32) ^ c1 ^ k0;
            c2 = uint32_t(p0 >> 32) ^ c3 ^ k1;
            c1 = uint32_t(p1);
            c3 = uint32_t(p0);
            k0 += WEYL_0, k1 += WEYL_1;
        }
        const uint32_t words[4] = {c0, c1, c2, c3};
        for (size_t w = 0; w < 4; w++) out[2 * w] = uint16_t(words[w]), out[2 * w + 1] = uint16_t(words[w] >> 16);
    }
}

#ifdef TEMPERAMENT_X86
// Lanes of 64 bits hold one counter each: its words 0 and 1 in one register, 2 and 3 in another. The multiplication takes
// the low half of a lane and fills the whole, so a product's halves are where the next round wants them, one shift apart.
// A round waits for the one before it, so several registers of counters go through the rounds together.
TEMPERAMENT_BEGIN(TEMPERAMENT_AVX2)
void philox_avx2(const RandomKey & key, uint64_t block, uint16_t * out, size_t groups) {
    constexpr size_t COUNTERS = 4, TOGETHER = 2;
    static_assert(TOGETHER * COUNTERS == BLOCKS);
    const __m256i m0 = _mm256_set1_epi64x(MULTIPLIER_0), m1 = _mm256_set1_epi64x(MULTIPLIER_1);
    const __m256i low = _mm256_set1_epi64x(0xFFFFFFFF), lanes = _mm256_setr_epi64x(0, 1, 2, 3);
    for (size_t g = 0; g < groups; g++) {
        // Only the low half of a lane counts until the end.
        __m256i c0[TOGETHER], c1[TOGETHER], c2[TOGETHER], c3[TOGETHER];
        for (size_t i = 0; i < TOGETHER; i++, block += COUNTERS) {
            c0[i] = _mm256_add_epi64(_mm256_set1_epi64x(int64_t(block)), lanes);
            c1[i] = _mm256_srli_epi64(c0[i], 32);
            c2[i] = _mm256_set1_epi64x(key.tag[0]);
            c3[i] = _mm256_set1_epi64x(key.tag[1]);
        }
        uint32_t k0 = key.key[0], k1 = key.key[1];
        for (int round = 0; round < ROUNDS; round++, k0 += WEYL_0, k1 += WEYL_1) {
            for (size_t i = 0; i < TOGETHER; i++) {
                const __m256i p0 = _mm256_mul_epu32(c0[i], m0), p1 = _mm256_mul_epu32(c2[i], m1);
                c0[i] = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(p1, 32), c1[i]), _mm256_set1_epi64x(k0));
                c2[i] = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(p0, 32), c3[i]), _mm256_set1_epi64x(k1));
                c1[i] = p1;
                c3[i] = p0;
            }
        }
        for (size_t i = 0; i < TOGETHER; i++, out += COUNTERS * HALVES) {
            const __m256i first = _mm256_or_si256(_mm256_and_si256(c0[i], low), _mm256_slli_epi64(c1[i], 32));
            const __m256i second = _mm256_or_si256(_mm256_and_si256(c2[i], low), _mm256_slli_epi64(c3[i], 32));
            const __m256i even = _mm256_unpacklo_epi64(first, second), odd = _mm256_unpackhi_epi64(first, second);
            auto * to = reinterpret_cast<__m256i *>(out);
            _mm256_storeu_si256(to, _mm256_permute2x128_si256(even, odd, 0x20));
            _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(even, odd, 0x31));
        }
    }
}
TEMPERAMENT_END

TEMPERAMENT_BEGIN(TEMPERAMENT_AVX512)
// The upper half of each lane in the place of the lower: a shuffle, as the multiplications keep busy what could shift.
TEMPERAMENT_INLINE __m512i upper_half(__m512i lanes) { return _mm512_shuffle_epi32(lanes, _MM_PERM_DDBB); }

// As many groups together.
template <size_t Together>
TEMPERAMENT_INLINE void philox_groups(const RandomKey & key, uint64_t block, uint16_t * out) {
    constexpr size_t COUNTERS = 8;
    static_assert(COUNTERS == BLOCKS);
    constexpr int XOR_OF_THREE = 0x96;
    constexpr __mmask16 UPPER = 0xAAAA;  // halves of lanes
    const __m512i m0 = _mm512_set1_epi64(MULTIPLIER_0), m1 = _mm512_set1_epi64(MULTIPLIER_1);
    const __m512i lanes = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
    const __m512i lower = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11), upper = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
    __m512i c0[Together], c1[Together], c2[Together], c3[Together];
    for (size_t i = 0; i < Together; i++, block += COUNTERS) {
        c0[i] = _mm512_add_epi64(_mm512_set1_epi64(int64_t(block)), lanes);
        c1[i] = upper_half(c0[i]);
        c2[i] = _mm512_set1_epi64(key.tag[0]);
        c3[i] = _mm512_set1_epi64(key.tag[1]);
    }
    uint32_t k0 = key.key[0], k1 = key.key[1];
    for (int round = 0; round < ROUNDS; round++, k0 += WEYL_0, k1 += WEYL_1) {
        const __m512i key0 = _mm512_set1_epi64(k0), key1 = _mm512_set1_epi64(k1);
        for (size_t i = 0; i < Together; i++) {
            const __m512i p0 = _mm512_mul_epu32(c0[i], m0), p1 = _mm512_mul_epu32(c2[i], m1);
            c0[i] = _mm512_ternarylogic_epi64(upper_half(p1), c1[i], key0, XOR_OF_THREE);
            c2[i] = _mm512_ternarylogic_epi64(upper_half(p0), c3[i], key1, XOR_OF_THREE);
            c1[i] = p1;
            c3[i] = p0;
        }
    }
    for (size_t i = 0; i < Together; i++, out += COUNTERS * HALVES) {
        const __m512i first = _mm512_mask_shuffle_epi32(c0[i], UPPER, c1[i], _MM_PERM_CCAA);
        const __m512i second = _mm512_mask_shuffle_epi32(c2[i], UPPER, c3[i], _MM_PERM_CCAA);
        _mm512_storeu_si512(out, _mm512_permutex2var_epi64(first, lower, second));
        _mm512_storeu_si512(out + 32, _mm512_permutex2var_epi64(first, upper, second));
    }
}

void philox_avx512(const RandomKey & key, uint64_t block, uint16_t * out, size_t groups) {
    constexpr size_t TOGETHER = 4;
    size_t g = 0;
    for (; g + TOGETHER <= groups; g += TOGETHER) philox_groups<TOGETHER>(key, block + g * BLOCKS, out + g * RANDOM_GROUP);
    for (; g < groups; g++) philox_groups<1>(key, block + g * BLOCKS, out + g * RANDOM_GROUP);
}
TEMPERAMENT_END
#endif

// Halves of words from `first` on, up to the end of a group.
void random_halves(const RandomKey & key, uint64_t first, bool upper, uint16_t * out, size_t count) {
    const uint64_t block = first / HALVES + (upper ? 0 : uint64_t(1) << 63);
    const size_t groups = (count + RANDOM_GROUP - 1) / RANDOM_GROUP;
#ifdef TEMPERAMENT_X86
    if (cpu_level() == CpuLevel::Avx512) return philox_avx512(key, block, out, groups);
    if (cpu_level() == CpuLevel::Avx2) return philox_avx2(key, block, out, groups);
#endif
    philox_portable(key, block, out, groups);
}

// Turns halves into the mask; returns whether any half equals the threshold, where it leaves 0.
TEMPERAMENT_KERNEL bool keep_below(uint16_t * halves, uint16_t threshold, size_t count) {
    uint16_t any = 0;
    for (size_t i = 0; i < count; i++) {
        any = uint16_t(any | (halves[i] == threshold ? 0xFFFF : 0));
        halves[i] = halves[i] < threshold ? 0xFFFF : 0;
    }
    return any != 0;
}

constexpr size_t PIECE = 16 * RANDOM_GROUP;

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
    alignas(64) uint16_t upper[PIECE], lower[PIECE];
    for (size_t at = 0; at < count; at += PIECE) {
        const size_t size = std::min(PIECE, count - at);
        random_halves(key, first + at, true, upper, size);
        random_halves(key, first + at, false, lower, size);
        for (size_t i = 0; i < size; i++) out[at + i] = uint32_t(upper[i]) << 16 | lower[i];
    }
}

void random_mask(const RandomKey & key, uint64_t first, uint32_t threshold, uint16_t * keep, size_t count) {
    const uint16_t upper = uint16_t(threshold >> 16), lower = uint16_t(threshold);
    for (size_t at = 0; at < count; at += PIECE) {
        const size_t size = std::min(PIECE, count - at), whole = (size + RANDOM_GROUP - 1) / RANDOM_GROUP * RANDOM_GROUP;
        uint16_t * mask = keep + at;
        random_halves(key, first + at, true, mask, size);
        if (!keep_below(mask, upper, whole) || lower == 0) continue;
        // One word in 65536: its lower half decides.
        alignas(64) uint16_t uppers[PIECE], lowers[PIECE];
        random_halves(key, first + at, true, uppers, size);
        random_halves(key, first + at, false, lowers, size);
        for (size_t i = 0; i < size; i++) {
            if (uppers[i] == upper && lowers[i] < lower) mask[i] = 0xFFFF;
        }
    }
}

}  // namespace temperament
