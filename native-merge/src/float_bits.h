// The bits of float32, binary16 and bfloat16, one number at a time, for kernels to build on.
#pragma once

#include <cstdint>
#include <cstring>

#include "cpu.h"

namespace temperament {

TEMPERAMENT_INLINE uint32_t float_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return bits;
}
TEMPERAMENT_INLINE float bits_float(uint32_t bits) {
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

// IEEE 754 binary16. Subnormals become float(mantissa) * 2^-24, which is exact.
TEMPERAMENT_INLINE float half_to_float(uint16_t half) {
    const uint32_t magnitude = half & 0x7FFFu;
    const uint32_t sign = uint32_t(half & 0x8000u) << 16;
    const uint32_t normal = (magnitude << 13) + (112u << 23) + (magnitude >= 0x7C00u ? 112u << 23 : 0u);
    const uint32_t small = float_bits(float(int32_t(magnitude)) * 5.9604644775390625e-08f);
    return bits_float(sign | (magnitude < 0x0400u ? small : normal));
}

// Round to nearest even. Adding 0.5 to a magnitude below 2^-14 leaves its multiple of 2^-24 in the low bits.
TEMPERAMENT_INLINE uint16_t float_to_half(float value) {
    const uint32_t bits = float_bits(value);
    const uint32_t magnitude = bits & 0x7FFFFFFFu;
    const uint32_t small = float_bits(bits_float(magnitude) + 0.5f) - float_bits(0.5f);
    const uint32_t normal = (magnitude - (112u << 23) + 0xFFFu + ((magnitude >> 13) & 1u)) >> 13;
    const uint32_t huge = magnitude > 0x7F800000u ? 0x7E00u : 0x7C00u;
    const uint32_t half = magnitude >= 0x47800000u ? huge : magnitude < 0x38800000u ? small : normal;
    return uint16_t(half | (bits >> 16 & 0x8000u));
}

TEMPERAMENT_INLINE uint16_t float_to_bf16(float value) {
    const uint32_t bits = float_bits(value);
    return uint16_t((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

}  // namespace temperament
