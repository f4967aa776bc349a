// Number formats: F16, BF16 and Q8_0 by our own loops, everything else through ggml.
#include "convert.h"

#include <cstring>

#include "cpu.h"
#include "float_bits.h"
#include "ggml_library.h"

namespace temperament {

namespace {

constexpr size_t Q8_BLOCK = 32;
constexpr size_t Q8_BLOCK_BYTES = 34;

TEMPERAMENT_KERNEL void halves_to_floats(const uint16_t * in, float * out, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = half_to_float(in[i]);
}
TEMPERAMENT_KERNEL void floats_to_halves(const float * in, uint16_t * out, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = float_to_half(in[i]);
}

#ifdef TEMPERAMENT_X86
// The conversion instructions, which the compiler does not find by itself.
TEMPERAMENT_BEGIN(TEMPERAMENT_AVX2)
void halves_to_floats_f16c(const uint16_t * in, float * out, size_t count) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) (in + i))));
    for (; i < count; i++) out[i] = half_to_float(in[i]);
}
void floats_to_halves_f16c(const float * in, uint16_t * out, size_t count) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        _mm_storeu_si128((__m128i *) (out + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    }
    for (; i < count; i++) out[i] = float_to_half(in[i]);
}
TEMPERAMENT_END
#endif

void read_halves(const uint16_t * in, float * out, size_t count) {
#ifdef TEMPERAMENT_X86
    if (cpu_level() != CpuLevel::Portable) return halves_to_floats_f16c(in, out, count);
#endif
    halves_to_floats(in, out, count);
}
void write_halves(const float * in, uint16_t * out, size_t count) {
#ifdef TEMPERAMENT_X86
    if (cpu_level() != CpuLevel::Portable) return floats_to_halves_f16c(in, out, count);
#endif
    floats_to_halves(in, out, count);
}

TEMPERAMENT_KERNEL void read_bf16(const uint16_t * in, float * out, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = bits_float(uint32_t(in[i]) << 16);
}
TEMPERAMENT_KERNEL void write_bf16(const float * in, uint16_t * out, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = float_to_bf16(in[i]);
}

// Round half away from zero: 0.49999997 is the largest float32 below a half, so that nothing below one rounds up.
TEMPERAMENT_KERNEL void write_q8_0(const float * in, uint8_t * out, size_t blocks) {
    for (size_t b = 0; b < blocks; b++, in += Q8_BLOCK, out += Q8_BLOCK_BYTES) {
        uint32_t largest = 0;
        for (size_t i = 0; i < Q8_BLOCK; i++) {
            const uint32_t magnitude = float_bits(in[i]) & 0x7FFFFFFFu;
            largest = magnitude > largest ? magnitude : largest;
        }
        const float scale = bits_float(largest) / 127.0f;
        const float inverse = scale != 0.0f ? 1.0f / scale : 0.0f;
        int8_t quants[Q8_BLOCK];
        for (size_t i = 0; i < Q8_BLOCK; i++) {
            const float x = in[i] * inverse;
            const float half = bits_float((float_bits(x) & 0x80000000u) | 0x3EFFFFFFu);
            quants[i] = int8_t(int32_t(x + half));
        }
        const uint16_t stored = float_to_half(scale);
        memcpy(out, &stored, 2);
        memcpy(out + 2, quants, Q8_BLOCK);
    }
}

TEMPERAMENT_KERNEL bool finite_16(const uint16_t * values, size_t count, uint16_t exponent) {
    uint32_t bad = 0;
    for (size_t i = 0; i < count; i++) bad |= uint32_t((values[i] & exponent) == exponent);
    return bad == 0;
}
TEMPERAMENT_KERNEL bool finite_32(const float * values, size_t count) {
    uint32_t bad = 0;
    for (size_t i = 0; i < count; i++) bad |= uint32_t((float_bits(values[i]) & 0x7F800000u) == 0x7F800000u);
    return bad == 0;
}

}  // namespace

bool is_source_type(uint32_t type) {
    return type == GGML_TYPE_F32 || type == GGML_TYPE_F16 || type == GGML_TYPE_BF16;
}
bool is_readable_type(uint32_t type) {
    return is_source_type(type) || (is_known_type(type) && ggml().ggml_get_type_traits(ggml_type(type))->to_float);
}

void to_float(uint32_t type, const void * raw, float * out, size_t count) {
    switch (type) {
        case GGML_TYPE_F32: memcpy(out, raw, count * 4); return;
        case GGML_TYPE_F16: read_halves(static_cast<const uint16_t *>(raw), out, count); return;
        case GGML_TYPE_BF16: read_bf16(static_cast<const uint16_t *>(raw), out, count); return;
        default: ggml().ggml_get_type_traits(ggml_type(type))->to_float(raw, out, int64_t(count));
    }
}

bool from_float(uint32_t type, const float * in, void * raw, size_t count) {
    switch (type) {
        case GGML_TYPE_F32:
            memcpy(raw, in, count * 4);
            return finite_32(in, count);
        case GGML_TYPE_F16:
            write_halves(in, static_cast<uint16_t *>(raw), count);
            return finite_16(static_cast<uint16_t *>(raw), count, 0x7C00);
        case GGML_TYPE_BF16:
            write_bf16(in, static_cast<uint16_t *>(raw), count);
            // A NaN's rounding can carry into the sign, so the input is looked at too.
            return finite_16(static_cast<uint16_t *>(raw), count, 0x7F80) && finite_32(in, count);
        default: {
            auto * blocks = static_cast<uint8_t *>(raw);
            write_q8_0(in, blocks, count / Q8_BLOCK);
            bool good = finite_32(in, count);
            for (size_t b = 0; b < count / Q8_BLOCK && good; b++) {
                uint16_t scale;
                memcpy(&scale, blocks + b * Q8_BLOCK_BYTES, 2);
                good = (scale & 0x7C00) != 0x7C00;
            }
            return good;
        }
    }
}

bool all_finite(const float * values, size_t count) { return finite_32(values, count); }

}  // namespace temperament
