// How our kernels reach the CPU's vector units: plain loops, compiled once per instruction set and chosen at load time.
// Fused multiply-add is off in the build (-ffp-contract=off), so every variant gives the same bits.
#pragma once

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
