// Conversion between stored tensor types and float32.
#pragma once

#include <cstddef>
#include <cstdint>

namespace temperament {

// True when to_float() can read this ggml type.
bool is_readable_type(uint32_t type);
// F32, F16 or BF16: what a source model may be stored in.
bool is_source_type(uint32_t type);

// count entries of `type` at raw -> float32. count is a multiple of the type's block size. Quantised types go through
// ggml's own dequantisation.
void to_float(uint32_t type, const void * raw, float * out, size_t count);

// float32 -> F32, F16, BF16 or Q8_0: round to nearest even; Q8_0 as ggml's reference: d = max|x| / 127 stored as F16,
// q = round half away from zero(x / d), with 1/d taken in float32. False when a value overflowed to infinity.
bool from_float(uint32_t type, const float * in, void * raw, size_t count);

// True when no value is NaN or infinite.
bool all_finite(const float * values, size_t count);

}  // namespace temperament
