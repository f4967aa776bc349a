// Selection by sample, and by histogram.
#include "selector.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <numeric>

#include <ggml.h>

#include "float_bits.h"
#include "select.h"

namespace temperament {

namespace {

// Selection by sample, in tensors with at least so many entries: many short groups, because neighbours may be alike.
constexpr uint64_t SMALLEST_SAMPLED = 256 * STRETCH_UNIT;
constexpr uint64_t FLOAT_GROUPS = 256;
constexpr uint64_t FLOAT_GROUP = 256;  // a multiple of every block size

// The same on 16-bit numbers.
constexpr uint64_t HALF_GROUPS = 1024;
constexpr size_t HALF_GROUP = 64;
constexpr uint64_t SAMPLERS = 16;  // pieces of that work
constexpr size_t MOST_COUNTERS = size_t(1) << 22;  // of 4 bytes

constexpr uint32_t INFINITE_BITS = 0x7F800000u;
constexpr Selection EVERYTHING{0, UINT64_MAX};
constexpr Selection NOTHING{INFINITE_BITS, UINT64_MAX};  // above every finite magnitude

// The bits of the float32 that a 16-bit magnitude stands for.
uint32_t half_bits(uint32_t type, uint16_t magnitude) {
    return type == GGML_TYPE_BF16 ? uint32_t(magnitude) << 16 : float_bits(half_to_float(magnitude));
}

void advance(Passes & passes, const Values & values, size_t count) {
    passes.progress.advance(entry_bytes(values.target.type, count));
}

// Entries of each stretch that equal the threshold.
std::vector<uint64_t> ties_by_stretch(Passes & passes, const Values & values, uint32_t threshold) {
    const uint64_t entries = values.target.entries();
    std::vector<uint64_t> ties(Passes::pieces(entries, values.stretch));
    passes.for_stretches(entries, values.stretch, [&](uint64_t first, size_t count, unsigned worker) {
        uint64_t & own = ties[size_t(first / values.stretch)];
        values.load(first, count, worker, [&](const float * part, uint64_t, size_t size) {
            own += count_equal(part, size, threshold);
        });
    });
    return ties;
}

// Index in the tensor of the `wanted`-th entry (from 1) that equals the threshold, given the ties of each stretch.
uint64_t find_tie(const Values & values, const std::vector<uint64_t> & ties, uint32_t threshold, uint64_t wanted) {
    size_t piece = 0;
    while (ties[piece] < wanted) wanted -= ties[piece++];
    const uint64_t start = piece * values.stretch;
    uint64_t found = UINT64_MAX;
    const uint64_t count = std::min(values.stretch, values.target.entries() - start);
    values.load(start, size_t(count), 0, [&](const float * part, uint64_t first, size_t size) {
        if (wanted == 0) return;
        const uint64_t here = count_equal(part, size, threshold);
        if (here >= wanted) found = first + find_equal(part, size, threshold, wanted - 1);
        wanted -= std::min(wanted, here);
    });
    return found;
}

// One pass over tensors: count_into(values, first entry, entries, worker, bins).
template <typename Count>
std::vector<uint64_t> histogram(Passes & passes, const std::vector<size_t> & tensors,
                                const std::function<Values(size_t)> & open, size_t bins, const Count & count_into) {
    for (auto & own : passes.buffers) own.bins.assign(bins, 0);
    for (const size_t t : tensors) {
        const Values values = open(t);
        passes.for_stretches(values.target.entries(), values.stretch, [&](uint64_t first, size_t count, unsigned worker) {
            count_into(values, first, count, worker, passes.buffers[worker].bins.data());
        });
    }
    std::vector<uint64_t> total(bins, 0);
    for (const auto & own : passes.buffers) {
        for (size_t b = 0; b < bins; b++) total[b] += own.bins[b];
    }
    return total;
}

// 16-bit numbers are counted as they are stored, each value by itself, and need no second pass.
std::vector<Selection> select_by_histogram(Passes & passes, size_t tensors, const std::function<Values(size_t)> & open,
                                           uint64_t k) {
    std::vector<size_t> all(tensors), floats;
    std::iota(all.begin(), all.end(), size_t(0));
    uint32_t half_type = 0;  // other 16-bit numbers than these go by float32
    const auto by_halves = [&](const Values & values) { return values.load_halves && values.half_type == half_type; };
    std::vector<uint64_t> uppers = histogram(passes, all, [&](size_t t) {
        Values values = open(t);
        if (half_type == 0 && values.load_halves) half_type = values.half_type;
        if (!by_halves(values)) floats.push_back(t);
        return values;
    }, UPPER_BINS + HALF_BINS, [&](const Values & values, uint64_t first, size_t count, unsigned worker, uint64_t * bins) {
        if (by_halves(values)) {
            count_halves(values.load_halves(first, count, worker), count, bins + UPPER_BINS);
            return advance(passes, values, 2 * count);
        }
        values.load(first, count, worker, [&](const float * part, uint64_t, size_t size) { count_upper(part, size, bins); });
        advance(passes, values, count);
    });
    const std::vector<uint64_t> halves(uppers.begin() + UPPER_BINS, uppers.end());
    uppers.resize(UPPER_BINS);
    for (uint32_t half = 0; half < HALF_BINS; half++) uppers[half_bits(half_type, uint16_t(half)) >> 16] += halves[half];
    const Cut upper = find_cut(uppers, k);
    std::vector<uint64_t> lowers = histogram(passes, floats, open, LOWER_BINS,
        [&](const Values & values, uint64_t first, size_t count, unsigned worker, uint64_t * bins) {
            values.load(first, count, worker, [&](const float * part, uint64_t, size_t size) {
                count_lower(part, size, uint32_t(upper.bin), bins);
            });
            advance(passes, values, count);
        });
    for (uint32_t half = 0; half < HALF_BINS; half++) {
        const uint32_t bits = half_bits(half_type, uint16_t(half));
        if (bits >> 16 == upper.bin) lowers[bits & 0xFFFF] += halves[half];
    }
    const Cut lower = find_cut(lowers, upper.needed);
    const uint32_t threshold = uint32_t(upper.bin) << 16 | uint32_t(lower.bin);
    std::vector<Selection> selections(tensors, {threshold, UINT64_MAX});
    if (lower.needed == lower.held) return selections;
    // Ties are kept in order: all of the first tensors', some of one tensor's, none of the others'.
    uint64_t wanted = lower.needed;
    for (size_t t = 0; t < tensors; t++) {
        if (wanted == 0) {
            selections[t].threshold = threshold + 1;
            continue;
        }
        const Values values = open(t);
        const std::vector<uint64_t> ties = ties_by_stretch(passes, values, threshold);
        uint64_t held = 0;
        for (const uint64_t own : ties) held += own;
        if (held >= wanted) selections[t].last_tie = find_tie(values, ties, threshold, wanted);
        wanted -= std::min(wanted, held);
    }
    return selections;
}

// False when the sample misled, or too many entries are close to the threshold.
bool select_by_sample(Passes & passes, const Values & values, uint64_t k, Selection & selection) {
    const uint64_t entries = values.target.entries(), stretch = values.stretch;
    const uint64_t step = entries / FLOAT_GROUPS / FLOAT_GROUP * FLOAT_GROUP;
    std::vector<uint32_t> sample;
    for (uint64_t i = 0; i < FLOAT_GROUPS; i++) {
        values.load(i * step, FLOAT_GROUP, 0, [&](const float * part, uint64_t, size_t size) {
            for (size_t at = 0; at < size; at++) sample.push_back(magnitude_bits(part[at]));
        });
    }
    const Bracket bracket = find_bracket(sample, FLOAT_GROUP, double(k) / double(entries));

    const size_t pieces = Passes::pieces(entries, stretch);
    std::vector<uint64_t> above(pieces);
    std::vector<std::vector<uint32_t>> within(pieces);
    std::atomic<uint64_t> collected{0};
    passes.for_stretches(entries, stretch, [&](uint64_t first, size_t count, unsigned worker) {
        advance(passes, values, count);
        if (collected > entries / 8) return;  // a flat spot: the histogram does better
        const size_t piece = size_t(first / stretch);
        std::vector<uint32_t> & found = passes.buffers[worker].found;
        found.clear();
        values.load(first, count, worker, [&](const float * part, uint64_t, size_t size) {
            above[piece] += collect(part, size, bracket, found);
        });
        within[piece] = found;
        collected += found.size();
    });
    if (collected > entries / 8) return false;
    uint64_t larger = 0;
    std::vector<uint32_t> candidates;
    candidates.reserve(size_t(collected));
    for (size_t piece = 0; piece < pieces; piece++) {
        larger += above[piece];
        candidates.insert(candidates.end(), within[piece].begin(), within[piece].end());
    }
    if (larger >= k || larger + candidates.size() < k) return false;  // the bracket missed
    const auto kth = candidates.begin() + ptrdiff_t(k - larger - 1);
    std::nth_element(candidates.begin(), kth, candidates.end(), std::greater<>());
    const uint32_t threshold = *kth;
    const auto is_tie = [&](uint32_t bits) { return bits == threshold; };
    // Ties ahead of the k-th in order are kept; nth_element has put every larger one in front of it.
    const uint64_t wanted = uint64_t(std::count_if(candidates.begin(), kth + 1, is_tie));
    std::vector<uint64_t> ties;
    for (const auto & found : within) ties.push_back(uint64_t(std::count_if(found.begin(), found.end(), is_tie)));
    selection = {threshold, find_tie(values, ties, threshold, wanted)};
    return true;
}

// One pass on 16-bit numbers as they are stored. False when the sample misled, or the bracket has too many values.
bool select_halves(Passes & passes, const Values & values, uint64_t k, Selection & selection) {
    const uint64_t entries = values.target.entries(), stretch = values.stretch;
    const uint64_t step = entries / HALF_GROUPS / HALF_GROUP * HALF_GROUP;
    std::vector<uint16_t> sample(HALF_GROUPS * HALF_GROUP);
    passes.pool.run(SAMPLERS, [&](size_t piece, unsigned worker) {
        for (uint64_t i = piece; i < HALF_GROUPS; i += SAMPLERS) {
            memcpy(sample.data() + i * HALF_GROUP, values.load_halves(i * step, HALF_GROUP, worker), HALF_GROUP * sizeof(uint16_t));
        }
    });
    const Bracket bracket = find_half_bracket(sample, HALF_GROUP, double(k) / double(entries));

    // How often every value within the bracket occurs in each stretch.
    const size_t pieces = Passes::pieces(entries, stretch), width = bracket.high - bracket.low + 1;
    if (pieces * width > MOST_COUNTERS) return false;
    std::vector<uint32_t> counts(pieces * width);
    std::atomic<uint64_t> above{0};
    passes.for_stretches(entries, stretch, [&](uint64_t first, size_t count, unsigned worker) {
        const uint16_t * halves = values.load_halves(first, count, worker);
        std::vector<uint16_t> & found = passes.buffers[worker].found_halves;
        if (found.size() < count + 32) found.resize(count + 32);
        const Collected collected = collect_halves(halves, count, bracket, found.data());
        uint32_t * own = counts.data() + size_t(first / stretch) * width;
        for (size_t i = 0; i < collected.within; i++) own[found[i] - bracket.low]++;
        above += collected.above;
        advance(passes, values, count);
    });
    std::vector<uint64_t> bins(width);
    for (size_t piece = 0; piece < pieces; piece++) {
        for (size_t i = 0; i < width; i++) bins[i] += counts[piece * width + i];
    }
    uint64_t within = 0;
    for (const uint64_t bin : bins) within += bin;
    if (above >= k || above + within < k) return false;  // the bracket missed
    const Cut cut = find_cut(bins, k - above);
    const uint32_t threshold = half_bits(values.half_type, uint16_t(bracket.low + cut.bin));
    std::vector<uint64_t> ties(pieces);
    for (size_t piece = 0; piece < pieces; piece++) ties[piece] = counts[piece * width + cut.bin];
    selection = {threshold, cut.needed == cut.held ? UINT64_MAX : find_tie(values, ties, threshold, cut.needed)};
    return true;
}

}  // namespace

unsigned selection_passes(uint64_t entries) { return entries < SMALLEST_SAMPLED ? 2 : 1; }

Selection select_largest(Passes & passes, const Values & values, uint64_t k) {
    const uint64_t entries = values.target.entries();
    if (k == 0) return NOTHING;
    if (k >= entries) return EVERYTHING;
    Selection selection;
    if (entries >= SMALLEST_SAMPLED && values.load_halves) {
        if (select_halves(passes, values, k, selection)) return selection;
    } else if (entries >= SMALLEST_SAMPLED && select_by_sample(passes, values, k, selection)) return selection;
    return select_by_histogram(passes, 1, [&](size_t) { return values; }, k)[0];
}

std::vector<Selection> select_largest(Passes & passes, size_t tensors, const std::function<Values(size_t)> & open,
                                      uint64_t k) {
    if (k == 0) return std::vector<Selection>(tensors, NOTHING);
    return select_by_histogram(passes, tensors, open, k);
}

}  // namespace temperament
