// What one vector does to the tensor at hand: its change, thinned out as the method asks, and what to divide it by.
#pragma once

#include <memory>
#include <optional>

#include "kernels.h"
#include "method.h"
#include "random.h"
#include "selector.h"
#include "stretches.h"
#include "tensor_data.h"

namespace temperament {

// How a vector's changes are thinned out; `how` is None where density >= 1.
struct Sparsity {
    Sparsify how = Sparsify::None;
    Rescale rescale = Rescale::None;
    double density = 1;
    double gamma = 0;                // Outliers
    double epsilon = 0;              // Ranked
    RandomKey key{};                 // Random, Ranked
    std::optional<Selection> whole;  // Magnitude: what a threshold over the whole vector leaves of this tensor
};

class Contribution {
public:
    // position: of the vector among those that take part in this tensor.
    Contribution(const VectorFile & file, const Delta & delta, const GgufTensor & tensor, size_t position, float weight,
                 const Sparsity & sparsity);

    size_t position() const { return position_; }
    float weight() const { return weight_; }
    // After prepare(): what part() must be divided by, the same for every entry.
    float divisor() const { return divisor_; }
    bool wants_long_stretch() const { return low_rank_ || sparsity_.how == Sparsify::Ranked; }

    // The passes that selection and rescaling need before part() can be called, about `passes_before` of them.
    void prepare(Passes & passes, const GgufTensor & target, uint64_t stretch);
    static unsigned passes_before(const Sparsity & sparsity, uint64_t entries);

    // Loads entries [first, first + count), placed as for read_entries, into the slot of the buffers.
    void load(uint64_t first, size_t count, Buffers & own, size_t slot) const;
    // Asks the memory for a part of what was loaded ahead of its use.
    void prefetch_part(size_t at, size_t count, const Buffers & own, size_t slot) const {
        reader_->prefetch(own.loaded[slot], at, count);
    }
    // Part of what was loaded, from entry `at` of it (a multiple of STRETCH_PART), thinned out but not yet divided.
    // What that leaves out has been checked to be finite.
    Stored part(uint64_t first, size_t at, size_t count, Buffers & own, size_t slot) const;
    // The same part as the vector has it, as it is stored, and as checked float32.
    Stored stored_part(size_t at, size_t count, Buffers & own, size_t slot) const;
    float * plain_part(size_t at, size_t count, Buffers & own, size_t slot) const;
    // Throws not_finite.
    void check(const Stored & part, size_t count) const { reader_->check(part, count); }

    // For a device, which does its own part of the work on the change itself:
    bool is_low_rank() const { return low_rank_; }
    Sparsify how() const { return sparsity_.how; }
    const DeltaReader & reader() const { return *reader_; }
    // Sparsify::Magnitude: what |delta| must be above to be kept, for all of entries [first, first + count); nothing where
    // the last tie lies among them.
    std::optional<float> limit_within(uint64_t first, size_t count) const;
    // A dense change to entries [first, first + count), placed as for read_entries, into `out`: as it is stored where `type` says
    // so, else as F32; `thin`: as part() has it.
    void stage(uint64_t first, size_t count, bool thin, uint32_t type, Buffers & own, uint8_t * out) const;
    // Sparsify::Random: F16 ones where entries are kept, else zeros.
    void stage_mask(uint64_t first, size_t count, uint16_t * out) const;

private:
    void rank_rows(uint64_t first, size_t count, Buffers & own, size_t slot) const;
    void measure_l1(Passes & passes, const GgufTensor & target, uint64_t stretch);

    std::unique_ptr<DeltaReader> reader_;
    bool low_rank_;
    uint64_t entries_, row_length_;
    size_t position_;
    float weight_;
    Sparsity sparsity_;
    Selection selection_, outliers_;
    uint32_t threshold_ = 0;  // of random words
    RankedChance chance_{};
    float divisor_ = 1;
};

// A vector's changes to one tensor, for selection.
Values values_of(const VectorFile & file, const Delta & delta, const GgufTensor & tensor, const GgufTensor & target,
                 uint64_t stretch, Passes & passes);

}  // namespace temperament
