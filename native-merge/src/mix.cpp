// The fused mixing kernel for each instruction set; mix.inl has the arithmetic.
#include "mix.h"

#include <cmath>
#include <cstring>
#include <vector>

#include <ggml.h>
#ifdef __aarch64__
#include <arm_neon.h>
#endif

#include "cpu.h"
#include "float_bits.h"

namespace temperament {

namespace {

// Largest bits of |x| among the sums of votes and what is to be stored.
struct Largest {
    uint32_t vote = 0, out = 0;
};

// One entry at a time: the ends of tensors, and compilers without vector types.
namespace single {
constexpr size_t WIDTH = 1;
using Floats = float;
using Ints = int32_t;
TEMPERAMENT_INLINE Floats load_f16(const uint16_t * in) { return half_to_float(*in); }
TEMPERAMENT_INLINE Floats load_bf16(const uint16_t * in) { return bits_float(uint32_t(*in) << 16); }
TEMPERAMENT_INLINE void store_f16(Floats value, uint16_t * out) { *out = float_to_half(value); }
TEMPERAMENT_INLINE void store_bf16(Floats value, uint16_t * out) { *out = float_to_bf16(value); }
#include "mix.inl"
}  // namespace single

#ifdef __GNUC__
// Defines the lane types of `width` floats and what bfloat16 needs.
#define TEMPERAMENT_LANES(width)                                                                       \
    constexpr size_t WIDTH = width;                                                                    \
    typedef float Floats __attribute__((vector_size(4 * width)));                                      \
    typedef int32_t Ints __attribute__((vector_size(4 * width)));                                      \
    typedef uint32_t Words __attribute__((vector_size(4 * width)));                                    \
    typedef uint16_t Shorts __attribute__((vector_size(2 * width)));                                   \
    TEMPERAMENT_INLINE Floats load_bf16(const uint16_t * in) {                                         \
        Shorts stored;                                                                                 \
        memcpy(&stored, in, sizeof stored);                                                            \
        return (Floats) (__builtin_convertvector(stored, Words) << 16);                                \
    }                                                                                                  \
    TEMPERAMENT_INLINE void store_bf16(Floats values, uint16_t * out) {                                \
        const Words bits = (Words) values;                                                             \
        const Shorts rounded = __builtin_convertvector((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16, Shorts); \
        memcpy(out, &rounded, sizeof rounded);                                                         \
    }

// What any CPU has: four lanes.
namespace portable {
TEMPERAMENT_LANES(4)
#ifdef __aarch64__
TEMPERAMENT_INLINE Floats load_f16(const uint16_t * in) {
    return (Floats) vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(in)));
}
TEMPERAMENT_INLINE void store_f16(Floats values, uint16_t * out) {
    vst1_u16(out, vreinterpret_u16_f16(vcvt_f16_f32((float32x4_t) values)));
}
#else
TEMPERAMENT_INLINE Floats load_f16(const uint16_t * in) {
    return Floats{half_to_float(in[0]), half_to_float(in[1]), half_to_float(in[2]), half_to_float(in[3])};
}
TEMPERAMENT_INLINE void store_f16(Floats values, uint16_t * out) {
    for (size_t l = 0; l < WIDTH; l++) out[l] = float_to_half(values[l]);
}
#endif
#include "mix.inl"
}  // namespace portable
#endif

#ifdef TEMPERAMENT_X86
TEMPERAMENT_BEGIN(TEMPERAMENT_AVX2)
namespace avx2 {
TEMPERAMENT_LANES(8)
TEMPERAMENT_INLINE Floats load_f16(const uint16_t * in) {
    return (Floats) _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(in)));
}
TEMPERAMENT_INLINE void store_f16(Floats values, uint16_t * out) {
    _mm_storeu_si128(reinterpret_cast<__m128i *>(out),
                     _mm256_cvtps_ph((__m256) values, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
#include "mix.inl"
}  // namespace avx2
TEMPERAMENT_END

TEMPERAMENT_BEGIN(TEMPERAMENT_AVX512)
namespace avx512 {
TEMPERAMENT_LANES(16)
TEMPERAMENT_INLINE Floats load_f16(const uint16_t * in) {
    return (Floats) _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(in)));
}
TEMPERAMENT_INLINE void store_f16(Floats values, uint16_t * out) {
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(out),
                        _mm512_cvtps_ph((__m512) values, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
#include "mix.inl"
}  // namespace avx512
TEMPERAMENT_END
#endif

// The smallest bits of |x| that become infinite when rounded to the type.
uint32_t infinite_bits(uint32_t type) {
    switch (type) {
        case GGML_TYPE_F16: return 0x477FF000u;   // 65520
        case GGML_TYPE_BF16: return 0x7F7F8000u;  // half way between the largest and 2^128
        default: return 0x7F800000u;
    }
}

struct Variant {
    size_t tile;
    decltype(&single::mix_entries) mix;
};

Variant choose() {
#ifdef TEMPERAMENT_X86
    if (cpu_level() == CpuLevel::Avx512) return {avx512::TILE, avx512::mix_entries};
    if (cpu_level() == CpuLevel::Avx2) return {avx2::TILE, avx2::mix_entries};
#endif
#ifdef __GNUC__
    return {portable::TILE, portable::mix_entries};
#else
    return {single::TILE, single::mix_entries};
#endif
}

}  // namespace

bool mix(const Stored & base, const Term * terms, size_t n_terms, const MixRule & rule, const Stored & out, size_t count) {
    static const Variant variant = choose();
    thread_local std::vector<float> scratch;
    constexpr size_t ALIGNED = 16;  // floats
    if (scratch.size() < n_terms * variant.tile + ALIGNED) scratch.resize(n_terms * variant.tile + ALIGNED);
    const size_t past = reinterpret_cast<uintptr_t>(scratch.data()) / sizeof(float) % ALIGNED;
    float * aligned = scratch.data() + (ALIGNED - past) % ALIGNED;
    const size_t whole = count / variant.tile * variant.tile;
    Largest largest;
    variant.mix(base, terms, n_terms, rule, out, 0, whole, aligned, largest);
    if (whole < count) single::mix_entries(base, terms, n_terms, rule, out, whole, count, aligned, largest);
    return largest.vote < 0x7F800000u && largest.out < infinite_bits(out.type);
}

}  // namespace temperament
