// The last step of every method in one pass: decode the base and the vectors' changes, weigh them, agree on a sign where
// asked, add, round and store, a few entries at a time in registers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels.h"

namespace temperament {

// How one vector takes part where vectors must agree: it votes with vote * delta; if it agrees with the sign elected,
// gain * delta counts in the sum and share in the divisor. TIES: all three are its weight; rescaling is in vote and gain.
// Without an election only the gain matters.
struct Voice {
    float vote, gain, share;
};

// One vector's change, thinned out already.
struct Term {
    Stored delta;
    Voice voice;
};

struct MixRule {
    // s = +1 where sum_v vote_v * delta_v >= 0, else -1; of the vectors whose vote has that sign gain_v * delta_v is
    // summed in the order of v, and if `normalize` divided by the sum of share_v (0 counts as 1).
    bool elect = false;
    bool normalize = false;
    // out = base + lambda * (sum / divisor); where the sum is zero the base stays, so that the sign of a zero weight
    // survives.
    float divisor = 1;
    float lambda = 1;
};

// out: count entries. Float32 throughout; one rounding when stored. False where a result is not finite in the type of `out`,
// or a sum of votes in float32: then a base or change is not finite either, or sums are too large.
bool mix(const Stored & base, const Term * terms, size_t n_terms, const MixRule & rule, const Stored & out, size_t count);

}  // namespace temperament
