// How our kernels reach the CPU's vector units. Most are plain loops, compiled once per instruction set and chosen at load
// time. Where the compiler does not find the instructions, a kernel is written by hand for the levels below and chosen by
// cpu_level(). Fused multiply-add is off in the build (-ffp-contract=off), so every variant gives the same bits.
#pragma once

#include <cstddef>

#if defined(__linux__) && defined(__x86_64__) && defined(__GNUC__) && !defined(TEMPERAMENT_NO_CLONES)
#define TEMPERAMENT_KERNEL __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define TEMPERAMENT_KERNEL
#endif

// Helpers that kernels call must become part of each variant.
#if defined(__GNUC__)
#define TEMPERAMENT_INLINE static inline __attribute__((always_inline))
#else
#define TEMPERAMENT_INLINE static inline
#endif

// Code between BEGIN and END may use the instructions of that level; intrinsics come with this header.
#if defined(__x86_64__) && defined(__GNUC__)
#define TEMPERAMENT_X86 1
#include <immintrin.h>
#define TEMPERAMENT_AVX2 "avx2,f16c,bmi,bmi2,lzcnt,popcnt"
#define TEMPERAMENT_AVX512 TEMPERAMENT_AVX2 ",avx512f,avx512bw,avx512vl,avx512dq"
#define TEMPERAMENT_PRAGMA(text) _Pragma(#text)
#ifdef __clang__
#define TEMPERAMENT_BEGIN(level) \
    TEMPERAMENT_PRAGMA(clang attribute push(__attribute__((target(level))), apply_to = function))
#define TEMPERAMENT_END TEMPERAMENT_PRAGMA(clang attribute pop)
#else
#define TEMPERAMENT_BEGIN(level) TEMPERAMENT_PRAGMA(GCC push_options) TEMPERAMENT_PRAGMA(GCC target(level))
#define TEMPERAMENT_END TEMPERAMENT_PRAGMA(GCC pop_options)
#endif
#endif

namespace temperament {

// Asks for memory that is needed soon: what is mapped is not in any cache yet.
TEMPERAMENT_INLINE void prefetch(const void * from, size_t bytes) {
#ifdef __GNUC__
    constexpr size_t LINE = 64;
    for (size_t at = 0; at < bytes; at += LINE) __builtin_prefetch(static_cast<const char *>(from) + at);
#else
    (void) from, (void) bytes;
#endif
}

enum class CpuLevel { Portable, Avx2, Avx512 };

// The highest level that this CPU has. The environment variable TEMPERAMENT_CPU (portable, avx2) lowers it, for tests.
CpuLevel cpu_level();

}  // namespace temperament
