// Trying devices out, and taking tensors through them.
#include "device_mix.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <future>
#include <map>
#include <mutex>
#include <numeric>

#include "convert.h"
#include "device_graph.h"
#include "error.h"
#include "ggml_library.h"

namespace temperament {

// What a device has shown that it can do.
struct Abilities {
    // The types that it takes as they are stored; F32 for the rest. Without F32 it cannot mix at all.
    std::vector<uint32_t> types;
    // Into how many matrices factors are split for a product in float32: 1, or 3 where the device multiplies with less
    // precision (TF32, F16); 0: it has no such product.
    unsigned parts = 0;
    double seconds_per_entry = 0;  // of a sum of TRIAL_TERMS vectors
    std::string trouble;           // why it cannot mix at all

    bool takes(uint32_t type) const { return std::find(types.begin(), types.end(), type) != types.end(); }
};

namespace {

// Large enough that starting an operation costs little beside it, small enough for the caches of a GPU.
constexpr uint64_t CHUNK = uint64_t(1) << 20;
constexpr uint64_t SMALLEST_CHUNK = uint64_t(1) << 16;
// A slow device gets smaller ones, so that a job can be cancelled between them.
constexpr double CHUNK_SECONDS = 0.1;
constexpr size_t TRIAL_TERMS = 3;
// Memory of both slots, on the device and again beside it.
constexpr uint64_t MEMORY_CAP = uint64_t(1) << 30;
// A product of factors may differ from the CPU's by this share of sum over k of |b_k a_k|.
constexpr double PRODUCT_TOLERANCE = 1.0 / (1 << 19);

// --- trying a device out ---

// Numbers of all magnitudes that F16 has, subnormal ones and pairs that cancel included.
std::vector<float> trial_numbers(uint32_t seed, size_t count, uint32_t exponents = 32) {
    std::vector<float> numbers(count);
    uint32_t state = seed * 2654435761u + 1;
    for (float & number : numbers) {
        state = state * 1664525u + 1013904223u;
        const float mantissa = 1.0f + float(state >> 9 & 0x3FFFu) / 16384.0f;
        number = std::ldexp(state >> 31 ? -mantissa : mantissa, -int((state >> 23) % exponents) + 6);
    }
    return numbers;
}

// Does the device give the CPU's bits for vectors stored in this type?
bool mixes_exactly(ggml_backend_dev_t device, uint32_t type, double & seconds_per_entry) {
    constexpr size_t COUNT = 1 << 14, TERMS = TRIAL_TERMS;
    GraphPlan plan;
    plan.entries = COUNT;
    plan.elect = plan.divide = true;
    const float weights[TERMS] = {0.3f, 1.7f, -0.9f};
    std::vector<std::vector<uint8_t>> stored(TERMS);
    std::vector<std::vector<float>> deltas(TERMS, std::vector<float>(COUNT));
    const float limit = 0.01f;
    for (size_t t = 0; t < TERMS; t++) {
        GraphTerm term;
        term.type = type;
        term.cut = t > 0;
        term.voice = {weights[t], t == 2 ? weights[t] / 3 : weights[t], weights[t]};
        plan.terms.push_back(term);
        stored[t].resize(entry_bytes(type, COUNT));
        // The first two cancel in places.
        std::vector<float> numbers = trial_numbers(t == 1 ? 0 : uint32_t(t), COUNT);
        if (t == 1) {
            for (float & number : numbers) number = -number;
        }
        from_float(type, numbers.data(), stored[t].data(), COUNT);
        to_float(type, stored[t].data(), deltas[t].data(), COUNT);
        if (term.cut) {
            for (float & delta : deltas[t]) delta = std::fabs(delta) > limit ? delta : 0;
        }
    }
    DeviceGraph slot(device);
    for (const bool elect : {true, false}) {
        plan.elect = plan.divide = elect;
        if (!slot.build(plan)) return false;
        std::vector<Term> terms;
        for (size_t t = 0; t < TERMS; t++) {
            memcpy(slot.values(t), stored[t].data(), stored[t].size());
            if (plan.terms[t].cut) slot.limit(t) = limit;
            terms.push_back({{GGML_TYPE_F32, deltas[t].data()}, plan.terms[t].voice});
        }
        slot.start(COUNT);
        slot.wait();
        // Added to a base of zeros, the CPU's sum is its result.
        std::vector<float> expected(COUNT);
        MixRule rule;
        rule.elect = rule.normalize = elect;
        const Stored zeros{GGML_TYPE_F32, expected.data()};
        mix(zeros, terms.data(), terms.size(), rule, zeros, COUNT);
        for (size_t i = 0; i < COUNT; i++) {
            float sum = slot.sum()[i];
            if (elect) sum /= slot.divisor()[i] == 0.0f ? 1.0f : slot.divisor()[i];
            if (sum != expected[i]) return false;
        }
        // Once more, now that everything is compiled.
        const auto start = std::chrono::steady_clock::now();
        slot.start(COUNT);
        slot.wait();
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        seconds_per_entry = std::max(seconds_per_entry, seconds / COUNT);
    }
    return true;
}

// Does the device multiply factors, split into so many parts, as precisely as float32?
bool multiplies_precisely(ggml_backend_dev_t device, unsigned parts) {
    constexpr size_t RANK = 48, COLUMNS = 256, ROWS = 128;
    const auto small = [](uint32_t seed, size_t count) {
        std::vector<float> numbers = trial_numbers(seed, count, 12);
        for (float & number : numbers) number *= 0.001f;
        return numbers;
    };
    const std::vector<float> a = small(7, RANK * COLUMNS), b = small(8, ROWS * RANK);
    const float scale_a = factor_scale(a, parts), scale_b = factor_scale(b, parts);
    GraphPlan plan;
    plan.entries = ROWS * COLUMNS;
    plan.columns = COLUMNS;
    GraphTerm term;
    term.rank = RANK;
    term.parts = parts;
    term.voice.gain = 1 / (scale_a * scale_b);
    plan.terms.push_back(term);
    DeviceGraph slot(device);
    if (!slot.build(plan)) return false;
    slot.set_factor(0, right_factor(a, RANK, COLUMNS, parts, scale_a));
    split_factor(b.data(), ROWS, RANK, parts, scale_b, Side::Left, reinterpret_cast<float *>(slot.values(0)));
    slot.start(ROWS * COLUMNS);
    slot.wait();
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < COLUMNS; j++) {
            double sum = 0, size = 0;
            for (size_t k = 0; k < RANK; k++) {
                const double product = double(b[i * RANK + k]) * double(a[k * COLUMNS + j]);
                sum += product;
                size += std::fabs(product);
            }
            if (!(std::fabs(double(slot.sum()[i * COLUMNS + j]) - sum) <= PRODUCT_TOLERANCE * size)) return false;
        }
    }
    return true;
}

Abilities try_out(ggml_backend_dev_t device) {
    Abilities abilities;
    for (const uint32_t type : {GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_BF16}) {
        if (mixes_exactly(device, type, abilities.seconds_per_entry)) abilities.types.push_back(type);
        if (abilities.types.empty()) {
            abilities.trouble = "it lacks an operation, or does not compute in full float32 precision";
            return abilities;
        }
    }
    for (const unsigned parts : {1u, 3u}) {
        if (abilities.parts == 0 && multiplies_precisely(device, parts)) abilities.parts = parts;
    }
    return abilities;
}

// What is known of the devices of this process, each for whoever has a claim to it.
struct Trial {
    std::future<Abilities> running;
    std::optional<Abilities> abilities;
};
Trial & trial_of(const std::string & name) {
    static std::mutex mutex;
    static std::map<std::string, Trial> all;
    std::lock_guard lock(mutex);
    return all[name];
}

// Tries the device out, once per process, on a thread of its own: its driver may compile for many seconds, and a job can be
// cancelled meanwhile.
const Abilities & abilities_of(const DeviceClaim & claim, const Progress & progress) {
    Trial & own = trial_of(claim.name());
    if (own.abilities) return *own.abilities;
    if (!own.running.valid()) own.running = std::async(std::launch::async, try_out, claim.device());
    while (own.running.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready) progress.check();
    own.abilities = own.running.get();
    return *own.abilities;
}

}  // namespace

DeviceMixer::DeviceMixer(const std::string & name, Passes & passes, uint64_t stretch)
    : claim_(name), passes_(passes), stretch_(stretch) {
    if (!usable()) return;
    try {
        abilities_ = &abilities_of(claim_, passes.progress);
        if (!abilities_->trouble.empty()) {
            claim_.fail({abilities_->trouble, false});
            return;
        }
        for (auto & slot : slots_) slot = std::make_unique<DeviceGraph>(claim_.device());
    } catch (const DeviceFailure & failure) {
        fail(failure);
    }
}

DeviceMixer::~DeviceMixer() = default;

void DeviceMixer::fail(const DeviceFailure & failure) {
    claim_.fail(failure);
    if (!failure.lost) return;
    for (auto & slot : slots_) {
        if (slot) slot->abandon();
    }
}

std::optional<std::string> DeviceMixer::open(const DeviceSum & sum) {
    GraphPlan plan;
    plan.elect = sum.elect;
    plan.divide = sum.elect && sum.normalize;
    plan.columns = sum.tensor.row_length();
    uint64_t unit = STRETCH_UNIT;
    uint64_t bytes = 6 * sizeof(float), fixed_bytes = 0;  // of an entry: what the graph works with; of all factors
    for (size_t t = 0; t < sum.contributions.size(); t++) {
        const Contribution & own = sum.contributions[t];
        GraphTerm term;
        term.voice = sum.voices[t];
        if (own.how() == Sparsify::Ranked) return "ranks within rows are only known to the CPU";
        if (own.is_low_rank()) {
            // Where small differences can turn a sign or a selection, factors are multiplied out by the CPU's own loop.
            if (sum.elect || (own.how() != Sparsify::None && own.how() != Sparsify::Random)) {
                return "this method needs low-rank changes multiplied out in the same way everywhere";
            }
            if (abilities_->parts == 0) return "it multiplies matrices with less than float32 precision";
            term.rank = own.reader().rank();
            term.parts = abilities_->parts;
            term.masked = own.how() == Sparsify::Random;
            term.voice.gain *= own.reader().scale();
            term.voice.gain /= factor_scale(own.reader().a(), term.parts);
            term.voice.gain /= factor_scale(own.reader().b(), term.parts);
            unit = std::lcm(unit, plan.columns);
            const uint64_t depth_bytes = term.rank * term.parts * sizeof(float);
            bytes += depth_bytes / plan.columns + sizeof(float) + (term.masked ? 2 : 0);
            fixed_bytes += depth_bytes * plan.columns;
        } else {
            term.type = abilities_->takes(own.reader().stored_type()) ? own.reader().stored_type() : uint32_t(GGML_TYPE_F32);
            term.cut = own.how() == Sparsify::Magnitude;
            bytes += ggml().ggml_type_size(ggml_type(term.type));
        }
        plan.terms.push_back(term);
    }
    size_t free_bytes = 0, total_bytes = 0;
    const uint64_t entries = sum.tensor.entries();
    try {
        guarded([&] { ggml().ggml_backend_dev_memory(claim_.device(), &free_bytes, &total_bytes); });
        uint64_t budget = std::min<uint64_t>(MEMORY_CAP, free_bytes / 2) / 2;
        if (fixed_bytes + SMALLEST_CHUNK * bytes > budget) return "it has not enough memory";
        budget -= fixed_bytes;
        uint64_t chunk = stretch_ ? stretch_ : CHUNK;
        const double seconds = abilities_->seconds_per_entry * double(plan.terms.size()) / TRIAL_TERMS;
        while (chunk > SMALLEST_CHUNK && (chunk * bytes > budget || double(chunk) * seconds > CHUNK_SECONDS)) chunk /= 2;
        // In whole units, unless one chunk takes everything.
        chunk = std::max(chunk / unit, uint64_t(1)) * unit;
        if (chunk > 4 * CHUNK && entries > 4 * CHUNK) return "rows of " + std::to_string(plan.columns) + " entries fit no chunk";
        chunk_ = std::min(chunk, entries);
        plan.entries = chunk_;
        for (auto & slot : slots_) {
            if (!slot->build(plan)) return "it lacks an operation";
            for (size_t t = 0; t < plan.terms.size(); t++) {
                const GraphTerm & term = plan.terms[t];
                if (term.rank == 0) continue;
                const auto & a = sum.contributions[t].reader().a();
                slot->set_factor(t, right_factor(a, size_t(term.rank), size_t(plan.columns), term.parts,
                                                 factor_scale(a, term.parts)));
            }
        }
    } catch (const DeviceFailure & failure) {
        fail(failure);
        return failure.message;
    }
    return std::nullopt;
}

// Puts a chunk in place for the device: shared out among the threads.
void DeviceMixer::stage(const DeviceSum & sum, DeviceGraph & slot, uint64_t first, size_t count) {
    const size_t terms = sum.contributions.size();
    std::vector<char> thin;
    for (size_t t = 0; t < terms; t++) {
        const Contribution & own = sum.contributions[t];
        // Where the last tie lies in this chunk, the CPU thins it out; what it leaves is above any limit below zero.
        const std::optional<float> limit =
            own.how() == Sparsify::Magnitude ? own.limit_within(first, count) : std::nullopt;
        thin.push_back(own.how() != Sparsify::None && !limit);
        if (own.how() == Sparsify::Magnitude) slot.limit(t) = limit.value_or(-1.0f);
        if (!own.is_low_rank()) continue;
        const auto & b = own.reader().b();
        const size_t rank = size_t(own.reader().rank()), columns = size_t(sum.tensor.row_length());
        split_factor(b.data() + first / columns * rank, count / columns, rank, abilities_->parts,
                     factor_scale(b, abilities_->parts), Side::Left, reinterpret_cast<float *>(slot.values(t)));
    }
    const uint64_t stretch = DENSE_STRETCH;
    const size_t pieces = Passes::pieces(count, stretch);
    passes_.pool.run(pieces * terms, [&](size_t piece, unsigned worker) {
        passes_.progress.check();
        const size_t t = piece % terms;
        const uint64_t at = piece / terms * stretch;
        const size_t size = size_t(std::min<uint64_t>(stretch, count - at));
        const Contribution & own = sum.contributions[t];
        Buffers & buffers = passes_.buffers[worker];
        buffers.prepare(1);
        if (own.is_low_rank()) {
            if (own.how() == Sparsify::Random) {
                own.stage_mask(first + at, size, reinterpret_cast<uint16_t *>(slot.mask(t)) + at);
            }
            return;
        }
        const uint32_t type = slot.type(t);
        own.stage(first + at, size, thin[t], type, buffers, slot.values(t) + entry_bytes(type, at));
    });
}

uint64_t DeviceMixer::run(const DeviceSum & sum, uint64_t first, uint64_t end, const ChunkWork & work) {
    // An exception on the way leaves a chunk on the device; its slot waits for it before anything else.
    struct Pending {
        DeviceGraph * slot;
        uint64_t first;
        size_t count;
    };
    std::optional<Pending> pending;
    uint64_t done = first;
    const auto finish = [&] {
        pending->slot->wait();
        work(pending->first, pending->count, pending->slot->sum(), pending->slot->divisor());
        done = pending->first + pending->count;
        pending.reset();
    };
    try {
        size_t turn = 0;
        for (uint64_t at = first; at < end; at += chunk_, turn ^= 1) {
            passes_.progress.check();
            DeviceGraph & slot = *slots_[turn];
            if (slot.busy()) slot.wait();
            const size_t count = size_t(std::min(chunk_, end - at));
            stage(sum, slot, at, count);
            slot.start(count);
            if (pending) finish();
            pending = Pending{&slot, at, count};
        }
        if (pending) finish();
    } catch (const DeviceFailure & failure) {
        fail(failure);
    }
    return done;
}

}  // namespace temperament
