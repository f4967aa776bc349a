// Sparsification and rescaling: steps 1 and 2 of METHOD.md section 3.
#include "contribution.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "convert.h"
#include "error.h"
#include "ggml_library.h"
#include "ranks.h"
#include "select.h"

namespace temperament {

namespace {

// Selections of one vector look at its change through these.
Values selection_values(const DeltaReader & reader, const GgufTensor & target, uint64_t stretch, Passes & passes) {
    Values values{target, stretch, [&reader, &passes](uint64_t first, size_t count, unsigned worker, const PartWork & work) {
        Buffers & own = passes.buffers[worker];
        own.prepare(1);
        reader.load(first, count, own.loaded[0]);
        for (size_t at = 0; at < count; at += STRETCH_PART) {
            const size_t part = std::min(STRETCH_PART, count - at);
            work(reader.decode(own.loaded[0], at, part, own.decoded[0].data()), first + at, part);
        }
    }, 0, nullptr};
    if (!reader.holds_halves()) return values;
    values.half_type = reader.stored_type();
    values.load_halves = [&reader, &passes](uint64_t first, size_t count, unsigned worker) {
        Buffers & own = passes.buffers[worker];
        own.prepare(1);
        reader.load(first, count, own.loaded[0]);
        return static_cast<const uint16_t *>(reader.stored(own.loaded[0], 0, count, nullptr).data);
    };
    return values;
}

uint64_t share_of(uint64_t entries, double share) { return uint64_t(share * double(entries)); }

}  // namespace

Values values_of(const VectorFile & file, const Delta & delta, const GgufTensor & tensor, const GgufTensor & target,
                 uint64_t stretch, Passes & passes) {
    const auto reader = std::make_shared<DeltaReader>(file, delta, tensor);
    Values values = selection_values(*reader, target, stretch, passes);
    // Keeps the reader alive as long as the values.
    values.load = [reader, load = std::move(values.load)](uint64_t first, size_t count, unsigned worker,
                                                          const PartWork & work) { load(first, count, worker, work); };
    return values;
}

Contribution::Contribution(const VectorFile & file, const Delta & delta, const GgufTensor & tensor, size_t position,
                           float weight, const Sparsity & sparsity)
    : reader_(std::make_unique<DeltaReader>(file, delta, tensor)), low_rank_(file.is_low_rank()),
      entries_(tensor.entries()), row_length_(tensor.row_length()), position_(position), weight_(weight),
      sparsity_(sparsity) {
    if (sparsity.how == Sparsify::Random) threshold_ = uint32_t(sparsity.density * 4294967296.0);
    if (sparsity.how == Sparsify::Ranked) {
        if (row_length_ > UINT32_MAX) {
            throw MergeError("unsupported_type", file.file().path() + ": rows of '" + tensor.name +
                                                     "' are too long to be ranked.", file.file().path(), tensor.name);
        }
        // A single entry has the mean of all chances.
        const double epsilon = row_length_ > 1 ? sparsity.epsilon : 0;
        chance_ = {sparsity.density + epsilon, row_length_ > 1 ? 2 * epsilon / double(row_length_ - 1) : 0};
    }
}

unsigned Contribution::passes_before(const Sparsity & sparsity, uint64_t entries) {
    unsigned passes = sparsity.how != Sparsify::None && sparsity.rescale == Rescale::L1 ? 1 : 0;
    if (sparsity.how == Sparsify::Magnitude && !sparsity.whole) passes += selection_passes(entries);
    if (sparsity.how == Sparsify::Outliers) passes += 2 * selection_passes(entries);
    return passes;
}

void Contribution::prepare(Passes & passes, const GgufTensor & target, uint64_t stretch) {
    const Values values = selection_values(*reader_, target, stretch, passes);
    const uint64_t kept = share_of(entries_, sparsity_.density);
    if (sparsity_.how == Sparsify::Magnitude) {
        selection_ = sparsity_.whole ? *sparsity_.whole : select_largest(passes, values, kept);
    }
    if (sparsity_.how == Sparsify::Outliers) {
        // Fewer are dropped at the top where the density leaves no room.
        const uint64_t dropped = std::min(share_of(entries_, sparsity_.gamma), entries_ - kept);
        outliers_ = select_largest(passes, values, dropped);
        selection_ = select_largest(passes, values, dropped + kept);
    }
    // Ranked entries are divided by their own chance.
    if (sparsity_.rescale == Rescale::Density && sparsity_.how != Sparsify::None && sparsity_.how != Sparsify::Ranked) {
        divisor_ = float(sparsity_.density);
    }
    if (sparsity_.rescale == Rescale::L1 && sparsity_.how != Sparsify::None) measure_l1(passes, target, stretch);
}

void Contribution::load(uint64_t first, size_t count, Buffers & own, size_t slot) const {
    if (sparsity_.how == Sparsify::Ranked) rank_rows(first, count, own, slot);
    reader_->load(first, count, own.loaded[slot]);
}

float * Contribution::plain_part(size_t at, size_t count, Buffers & own, size_t slot) const {
    return reader_->decode(own.loaded[slot], at, count, own.decoded[slot].data());
}

Stored Contribution::stored_part(size_t at, size_t count, Buffers & own, size_t slot) const {
    return reader_->stored(own.loaded[slot], at, count, own.decoded[slot].data());
}

Stored Contribution::part(uint64_t first, size_t at, size_t count, Buffers & own, size_t slot) const {
    if (sparsity_.how == Sparsify::Ranked) {
        alignas(64) uint32_t words[STRETCH_PART];
        float * delta = plain_part(at, count, own, slot);
        random_words(sparsity_.key, first + at, words, count);
        mask_ranked(delta, words, own.ranks[slot].data() + at, chance_, sparsity_.rescale == Rescale::Density, count);
        return {GGML_TYPE_F32, delta};
    }
    const Stored delta = stored_part(at, count, own, slot);
    if (sparsity_.how == Sparsify::None) return delta;
    const Stored thinned{delta.type, own.thinned[slot].data()};
    if (sparsity_.how == Sparsify::Random) {
        alignas(64) uint16_t keep[STRETCH_PART];
        random_mask(sparsity_.key, first + at, threshold_, keep, count);
        if (!mask_entries(delta, keep, thinned.data, count)) reader_->refuse();  // what is left out is not seen again
    } else {
        mask_selected(delta, selection_, first + at, thinned.data, count);
        if (sparsity_.how == Sparsify::Outliers) {
            check(delta, count);  // the largest are dropped
            drop_selected(thinned, outliers_, first + at, count);
        }
    }
    return thinned;
}

std::optional<float> Contribution::limit_within(uint64_t first, size_t count) const {
    const uint32_t threshold = selection_.threshold;
    if (threshold == 0) return -1.0f;
    if (selection_.last_tie >= first && selection_.last_tie < first + count - 1) return std::nullopt;
    const uint32_t bits = selection_.last_tie < first ? threshold : threshold - 1;
    float limit;
    memcpy(&limit, &bits, 4);
    return limit;
}

void Contribution::stage(uint64_t first, size_t count, bool thin, uint32_t type, Buffers & own, uint8_t * out) const {
    reader_->load(first, count, own.loaded[0]);
    for (size_t at = 0; at < count; at += STRETCH_PART) {
        const size_t size = std::min(STRETCH_PART, count - at);
        const Stored values = thin ? part(first, at, size, own, 0) : stored_part(at, size, own, 0);
        check(values, size);
        uint8_t * to = out + entry_bytes(type, at);
        if (type == GGML_TYPE_F32) to_float(values.type, values.data, reinterpret_cast<float *>(to), size);
        else memcpy(to, values.data, entry_bytes(type, size));
    }
}

void Contribution::stage_mask(uint64_t first, size_t count, uint16_t * out) const {
    constexpr uint16_t ONE = 0x3C00;
    alignas(64) uint16_t keep[STRETCH_PART];
    for (size_t at = 0; at < count; at += STRETCH_PART) {
        const size_t size = std::min(STRETCH_PART, count - at);
        random_mask(sparsity_.key, first + at, threshold_, keep, size);
        for (size_t i = 0; i < size; i++) out[at + i] = keep[i] & ONE;
    }
}

// The ranks of entries [first, first + count), each within its whole row.
void Contribution::rank_rows(uint64_t first, size_t count, Buffers & own, size_t slot) const {
    const uint64_t end = first + count;
    const uint64_t row_from = first / row_length_ * row_length_;
    const uint64_t row_to = (end + row_length_ - 1) / row_length_ * row_length_;
    // Loading goes by units.
    const uint64_t from = row_from / STRETCH_UNIT * STRETCH_UNIT;
    const uint64_t to = std::min((row_to + STRETCH_UNIT - 1) / STRETCH_UNIT * STRETCH_UNIT, entries_);
    const size_t loaded = size_t(to - from);
    if (own.row_bits.size() < loaded) own.row_bits.resize(loaded);
    if (own.row_ranks.size() < row_length_) own.row_ranks.resize(size_t(row_length_));
    if (own.ranks[slot].size() < count) own.ranks[slot].resize(count);
    reader_->load(from, loaded, own.rows);
    for (size_t at = 0; at < loaded; at += STRETCH_PART) {
        const size_t part = std::min(STRETCH_PART, loaded - at);
        const Stored values = reader_->stored(own.rows, at, part, own.decoded[slot].data());
        reader_->check(values, part);
        if (reader_->holds_halves()) {
            const auto * halves = static_cast<const uint16_t *>(values.data);
            for (size_t i = 0; i < part; i++) own.row_bits[at + i] = halves[i] & HALF_MAGNITUDE;
        } else {
            const auto * floats = static_cast<const float *>(values.data);
            for (size_t i = 0; i < part; i++) own.row_bits[at + i] = magnitude_bits(floats[i]);
        }
    }
    const unsigned bits = reader_->holds_halves() ? 15 : 31;
    for (uint64_t row = row_from; row < row_to; row += row_length_) {
        rank_row(own.row_bits.data() + (row - from), bits, size_t(row_length_), own.row_ranks.data(), own.order);
        const uint64_t start = std::max(row, first), stop = std::min(row + row_length_, end);
        std::copy(own.row_ranks.begin() + ptrdiff_t(start - row), own.row_ranks.begin() + ptrdiff_t(stop - row),
                  own.ranks[slot].begin() + ptrdiff_t(start - first));
    }
}

// What the mask left of the tensor's sum of magnitudes.
void Contribution::measure_l1(Passes & passes, const GgufTensor & target, uint64_t stretch) {
    const size_t parts = size_t((entries_ + STRETCH_PART - 1) / STRETCH_PART);
    std::vector<double> before(parts), after(parts);
    passes.for_stretches(entries_, stretch, [&](uint64_t first, size_t count, unsigned worker) {
        Buffers & own = passes.buffers[worker];
        own.prepare(1);
        load(first, count, own, 0);
        alignas(64) float values[STRETCH_PART];
        for (size_t at = 0; at < count; at += STRETCH_PART) {
            const size_t size = std::min(STRETCH_PART, count - at), index = size_t((first + at) / STRETCH_PART);
            before[index] = sum_of_magnitudes(plain_part(at, size, own, 0), size);
            const Stored thinned = part(first, at, size, own, 0);
            to_float(thinned.type, thinned.data, values, size);
            after[index] = sum_of_magnitudes(values, size);
        }
        passes.progress.advance(entry_bytes(target.type, count));
    });
    double all = 0, kept = 0;
    for (size_t i = 0; i < parts; i++) all += before[i], kept += after[i];
    divisor_ = all > 0 && kept > 0 ? float(kept / all) : 1.0f;
}

}  // namespace temperament
