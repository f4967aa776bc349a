// What the CPU can do.
#include "cpu.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#ifdef TEMPERAMENT_X86
#include <cpuid.h>
#endif

namespace temperament {

namespace {

CpuLevel find_level() {
    CpuLevel level = CpuLevel::Portable;
#ifdef TEMPERAMENT_X86
    const auto has = [](bool a, bool b, bool c, bool d) { return a && b && c && d; };
    // Half conversion is asked of the CPU itself: older clangs do not know "f16c" as a name.
    unsigned a, b, c = 0, d;
    if (has(__get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C), __builtin_cpu_supports("avx2"),
            __builtin_cpu_supports("bmi2"), __builtin_cpu_supports("popcnt"))) {
        level = CpuLevel::Avx2;
        if (has(__builtin_cpu_supports("avx512f"), __builtin_cpu_supports("avx512bw"),
                __builtin_cpu_supports("avx512vl"), __builtin_cpu_supports("avx512dq"))) {
            level = CpuLevel::Avx512;
        }
    }
#endif
    const char * asked = std::getenv("TEMPERAMENT_CPU");
    const std::string_view name = asked ? asked : "";
    if (name == "portable") return CpuLevel::Portable;
    if (name == "avx2") return std::min(level, CpuLevel::Avx2);
    return level;
}

}  // namespace

CpuLevel cpu_level() {
    static const CpuLevel level = find_level();
    return level;
}

}  // namespace temperament
