// One pass per tensor: read the base and the vectors in stretches, compute in float32, round once, write in place.
#include "bake.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <set>

#include "convert.h"
#include "error.h"
#include "ggml_library.h"
#include "kernels.h"
#include "random.h"
#include "select.h"
#include "tensor_data.h"

namespace temperament {

namespace {

// Entries at a time: a stretch of every vector should stay in the second-level cache.
constexpr uint64_t DENSE_STRETCH = 4 * STRETCH_UNIT;
// Low-rank factors are reused over the rows of a stretch, so it is longer.
constexpr uint64_t LOW_RANK_STRETCH = 32 * STRETCH_UNIT;

// Selection by sample: this many units of every tensor with at least so many entries.
constexpr uint64_t SAMPLED_UNITS = 64;
constexpr uint64_t SMALLEST_SAMPLED = 4 * SAMPLED_UNITS * STRETCH_UNIT;

// What one vector does to the tensor at hand.
struct Contribution {
    size_t vector;  // index into BakeOptions::vectors
    std::unique_ptr<DeltaReader> reader;
    float weight;
    double density;
    bool sparse;            // density < 1 and the method sparsifies
    Selection selection;    // Sparsify::Magnitude
    RandomKey key;          // Sparsify::Random
    uint32_t threshold;     // Sparsify::Random
    float divisor = 1;      // rescaling
};

// One worker's buffers.
struct Buffers {
    std::vector<uint8_t> raw;                 // of the base
    std::vector<LoadedStretch> loaded;        // of each vector
    std::vector<std::vector<float>> decoded;  // part of each vector
    std::vector<uint8_t> stored;              // of the result
    std::vector<uint64_t> bins;
    std::vector<uint32_t> found;

    void prepare(size_t vectors) {
        if (loaded.size() < vectors) loaded.resize(vectors);
        while (decoded.size() < vectors) decoded.emplace_back(STRETCH_PART);
    }
};

uint32_t magnitude_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return bits & 0x7FFFFFFFu;
}

bool ends_with(const std::string & text, const std::string & end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// The tensors that llama.cpp quantises (llama-quant.cpp, tensor_allows_quantization): matrices whose name ends in
// "weight", except the ones it keeps in full precision for their size or their part in the model.
bool is_convertible(const GgufTensor & tensor) {
    static const char * const kept[] = {
        "_norm.weight", "ffn_gate_inp.weight", "ffn_gate_tid2eid.weight", "altup", "laurel", "per_layer_model_proj",
        "ssm_conv1d", "shortconv.conv.weight", "indexer.k_proj.weight", "indexer.q_proj.weight",
        "time_mix_first.weight", "time_mix_w0.weight", "time_mix_w1.weight", "time_mix_w2.weight",
        "time_mix_v0.weight", "time_mix_v1.weight", "time_mix_v2.weight", "time_mix_a0.weight", "time_mix_a1.weight",
        "time_mix_a2.weight", "time_mix_g1.weight", "time_mix_g2.weight", "time_mix_decay_w1.weight",
        "time_mix_decay_w2.weight", "time_mix_lerp_fused.weight", "attn_rel_b.weight"};
    size_t dimensions = tensor.shape.size();
    while (dimensions > 1 && tensor.shape[dimensions - 1] == 1) dimensions--;
    if (dimensions < 2 || !ends_with(tensor.name, "weight")) return false;
    if (tensor.name == "position_embd.weight" || tensor.name == "token_types.weight") return false;
    return std::none_of(std::begin(kept), std::end(kept),
                        [&](const char * part) { return tensor.name.find(part) != std::string::npos; });
}

uint32_t file_type(uint32_t type) {
    // llama_ftype: ALL_F32, MOSTLY_F16, MOSTLY_Q8_0, MOSTLY_BF16.
    return type == GGML_TYPE_F32 ? 0 : type == GGML_TYPE_F16 ? 1 : type == GGML_TYPE_Q8_0 ? 7 : 32;
}

class Baker {
public:
    Baker(const BakeOptions & options, Progress & progress)
        : options_(options), progress_(progress), pool_(thread_count(options.threads)), base_(options.base),
          buffers_(pool_.size()) {}

    BakeResult run() {
        const auto start = std::chrono::steady_clock::now();
        check_paths();
        open_vectors();
        std::vector<GgufTensor> targets = plan_targets();
        const GgufLayout layout = plan_gguf(plan_metadata(), targets);
        for (size_t i = 0; i < targets.size(); i++) {
            targets[i].offset = layout.offsets[i];
            targets[i].bytes = tensor_bytes(targets[i].type, targets[i].shape);
            progress_.total += work_bytes(targets[i]);
        }
        OutputFile out(options_.out, layout.total_bytes);
        out.write(layout.header.data(), layout.header.size(), 0);
        for (size_t i = 0; i < targets.size(); i++) bake_tensor(base_.tensors()[i], targets[i], out);
        progress_.check();
        result_.flush_seconds = out.commit();
        progress_.finish();
        result_.bytes = layout.total_bytes;
        result_.tensors = targets.size();
        result_.threads = pool_.size();
        result_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        return std::move(result_);
    }

private:
    void check_paths() const {
        const auto refuse = [&](const std::string & what) {
            throw MergeError("invalid_argument", "The output " + options_.out + " is " + what +
                                                     ". Choose another name.", options_.out);
        };
        if (base_.file().is_same_file(options_.out)) refuse("the base model itself");
        for (const auto & vector : options_.vectors) {
            if (InputFile(vector.path).is_same_file(options_.out)) refuse("one of the vectors");
        }
    }

    void open_vectors() {
        const std::string kind = base_.text("general.type");
        if (kind == "adapter" || kind == "personality-vector") {
            throw MergeError("mismatch", base_.path() + " is no model but a vector. Choose a model as the base.", base_.path());
        }
        std::set<std::string> ignored;
        for (const auto & vector : options_.vectors) {
            vectors_.push_back(std::make_unique<VectorFile>(vector.path));
            vectors_.back()->check_against(base_);
            for (const auto & name : vectors_.back()->ignored()) {
                if (ignored.insert(name).second) {
                    note("ignored_tensor", name, vector.path + " also carries '" + name + "', which adapters pass over.");
                }
            }
        }
        std::set<std::string> quantised;
        for (const auto & tensor : base_.tensors()) {
            if (ggml().ggml_blck_size(ggml_type(tensor.type)) > 1) quantised.insert(type_name(tensor.type));
        }
        if (!quantised.empty()) {
            std::string types;
            for (const auto & type : quantised) types += (types.empty() ? "" : ", ") + type;
            note("quantised_base", "", "The base model is stored as " + types +
                                           "; what its quantisation lost stays lost, and weak vectors may vanish in it.");
        }
    }

    std::vector<MetadataEntry> plan_metadata() const {
        std::vector<MetadataEntry> metadata = base_.metadata();
        set_entry(metadata, make_uint32("general.file_type", file_type(options_.type)));
        if (options_.type == GGML_TYPE_Q8_0) set_entry(metadata, make_uint32("general.quantization_version", 2));
        for (const auto & entry : options_.metadata) set_entry(metadata, entry);
        return metadata;
    }

    std::vector<GgufTensor> plan_targets() {
        std::vector<GgufTensor> targets;
        for (const auto & tensor : base_.tensors()) {
            GgufTensor target = tensor;
            target.type = target_type(tensor);
            targets.push_back(std::move(target));
        }
        return targets;
    }

    uint32_t target_type(const GgufTensor & tensor) {
        if (!is_readable_type(tensor.type)) return tensor.type;  // integers: kept as they are
        if (!is_convertible(tensor)) {
            // Full precision, as llama.cpp stores them; a source that has them in less loses nothing by it.
            return GGML_TYPE_F32;
        }
        if (options_.type == GGML_TYPE_Q8_0 && tensor.row_length() % 32 != 0) {
            note("f16_fallback", tensor.name, "'" + tensor.name + "' has rows of " + std::to_string(tensor.row_length()) +
                                                  " entries, which Q8_0 cannot hold; it is stored as F16.");
            return GGML_TYPE_F16;
        }
        return options_.type;
    }

    bool is_sparse(size_t vector) const {
        return options_.vectors[vector].density < 1 && options_.method.sparsify != Sparsify::None;
    }

    // Progress counts a tensor's output bytes once for writing and once for every time a vector is read before that.
    uint64_t work_bytes(const GgufTensor & target) const {
        uint64_t times = 1;
        for (size_t v = 0; v < vectors_.size(); v++) {
            if (options_.vectors[v].weight == 0.0f || !is_sparse(v) || !vectors_[v]->deltas().count(target.name)) continue;
            times += options_.method.sparsify == Sparsify::Magnitude ? (target.entries() < SMALLEST_SAMPLED ? 2 : 1) : 0;
            times += options_.method.rescale == Rescale::L1 ? 1 : 0;
        }
        return times * target.bytes;
    }

    void note(const char * code, const std::string & tensor, const std::string & message) {
        result_.notes.push_back({code, tensor, message});
    }

    // Calls work(first, count, worker) for the stretches of a tensor.
    template <typename Work> void for_stretches(const GgufTensor & tensor, uint64_t stretch, const Work & work) {
        const uint64_t entries = tensor.entries();
        pool_.run(size_t((entries + stretch - 1) / stretch), [&](size_t piece, unsigned worker) {
            progress_.check();
            const uint64_t first = piece * stretch;
            work(first, size_t(std::min(stretch, entries - first)), worker);
        });
    }

    void bake_tensor(const GgufTensor & tensor, const GgufTensor & target, OutputFile & out) {
        progress_.check();
        progress_.set_tensor(tensor.name);
        std::vector<Contribution> contributions;
        bool low_rank = false;
        for (size_t v = 0; v < vectors_.size(); v++) {
            const auto found = vectors_[v]->deltas().find(tensor.name);
            // A weight of zero adds nothing, whatever the method.
            if (found == vectors_[v]->deltas().end() || options_.vectors[v].weight == 0.0f) continue;
            const BakeVector & vector = options_.vectors[v];
            Contribution contribution{};
            contribution.vector = v;
            contribution.reader = std::make_unique<DeltaReader>(*vectors_[v], found->second, tensor);
            contribution.weight = vector.weight;
            contribution.density = vector.density;
            contribution.sparse = is_sparse(v);
            contribution.divisor = 1;
            if (contribution.sparse && options_.method.sparsify == Sparsify::Random) {
                contribution.key = random_key("dare", options_.seed, vector.id, tensor.name);
                contribution.threshold = uint32_t(vector.density * 4294967296.0);
            }
            low_rank |= vectors_[v]->is_low_rank();
            contributions.push_back(std::move(contribution));
        }
        const uint64_t stretch = options_.stretch ? options_.stretch : low_rank ? LOW_RANK_STRETCH : DENSE_STRETCH;
        if (contributions.empty()) {
            copy_tensor(tensor, target, out, stretch);
        } else {
            if (!is_readable_type(tensor.type)) {
                throw MergeError("unsupported_type", base_.path() + ": tensor '" + tensor.name + "' is " +
                                                         type_name(tensor.type) + ", which a vector cannot change.",
                                 base_.path(), tensor.name);
            }
            result_.changed++;
            for (auto & contribution : contributions) {
                if (!contribution.sparse) continue;
                if (options_.method.sparsify == Sparsify::Magnitude) select(target, stretch, contribution);
                if (options_.method.rescale == Rescale::Density) contribution.divisor = float(contribution.density);
                if (options_.method.rescale == Rescale::L1) measure_l1(target, stretch, contribution);
            }
            mix_tensor(tensor, target, out, stretch, contributions);
        }
    }

    // No vector changes this tensor.
    void copy_tensor(const GgufTensor & tensor, const GgufTensor & target, OutputFile & out, uint64_t stretch) {
        if (tensor.type == target.type && !is_source_type(tensor.type)) {
            // Quantised or integer: bytes as they are.
            constexpr uint64_t PIECE = 1 << 20;
            pool_.run(size_t((tensor.bytes + PIECE - 1) / PIECE), [&](size_t piece, unsigned worker) {
                progress_.check();
                Buffers & own = buffers_[worker];
                const size_t bytes = size_t(std::min(PIECE, tensor.bytes - piece * PIECE));
                own.raw.resize(std::max<size_t>(own.raw.size(), bytes));
                base_.file().read(own.raw.data(), bytes, tensor.offset + piece * PIECE);
                out.write(own.raw.data(), bytes, target.offset + piece * PIECE);
                progress_.advance(bytes);
            });
            return;
        }
        for_stretches(tensor, stretch, [&](uint64_t first, size_t count, unsigned worker) {
            Buffers & own = buffers_[worker];
            load_entries(base_, tensor, first, count, own.raw);
            own.stored.resize(std::max<size_t>(own.stored.size(), entry_bytes(target.type, count)));
            float values[STRETCH_PART];
            for (size_t at = 0; at < count; at += STRETCH_PART) {
                const size_t part = std::min(STRETCH_PART, count - at);
                convert(target, at, part, decode_entries(base_, tensor, own.raw, at, part, values), own);
            }
            write_stretch(target, first, count, own, out);
        });
    }

    void mix_tensor(const GgufTensor & tensor, const GgufTensor & target, OutputFile & out, uint64_t stretch,
                    const std::vector<Contribution> & contributions) {
        const Method & method = options_.method;
        const size_t n = contributions.size();
        // Vectors that leave this tensor alone still have their weight in the mean.
        float divisor = 1;
        if (method.normalize && method.consensus == Consensus::None) {
            divisor = 0;
            for (const auto & vector : options_.vectors) divisor += vector.weight;
            if (std::fabs(divisor) < 1e-8f) divisor = 1;
        }
        std::vector<float> weights;
        for (const auto & contribution : contributions) weights.push_back(contribution.weight);

        for_stretches(tensor, stretch, [&](uint64_t first, size_t count, unsigned worker) {
            Buffers & own = buffers_[worker];
            own.prepare(n);
            for (size_t c = 0; c < n; c++) contributions[c].reader->load(first, count, own.loaded[c]);
            load_entries(base_, tensor, first, count, own.raw);
            own.stored.resize(std::max<size_t>(own.stored.size(), entry_bytes(target.type, count)));
            std::vector<const float *> deltas(n);
            alignas(64) float sum[STRETCH_PART], base[STRETCH_PART];
            for (size_t at = 0; at < count; at += STRETCH_PART) {
                const size_t part = std::min(STRETCH_PART, count - at);
                for (size_t c = 0; c < n; c++) {
                    const float * delta = sparse_part(contributions[c], first, at, part, own, c);
                    deltas[c] = delta;
                    if (method.consensus == Consensus::None) accumulate(sum, delta, weights[c], part, c == 0);
                }
                if (method.consensus == Consensus::Sign) {
                    combine_by_sign(sum, deltas.data(), weights.data(), n, method.normalize, part);
                }
                float * values = decode_entries(base_, tensor, own.raw, at, part, base);
                apply(values, sum, divisor, options_.lambda, part);
                convert(target, at, part, values, own);
            }
            write_stretch(target, first, count, own, out);
        });
    }

    // Part of a loaded stretch as the method wants it: masked and rescaled.
    const float * sparse_part(const Contribution & contribution, uint64_t first, size_t at, size_t count, Buffers & own,
                              size_t slot) const {
        float * delta = contribution.reader->decode(own.loaded[slot], at, count, own.decoded[slot].data());
        if (!contribution.sparse) return delta;
        if (options_.method.sparsify == Sparsify::Random) {
            uint32_t words[STRETCH_PART];
            random_words(contribution.key, first + at, words, count);
            mask_random(delta, words, contribution.threshold, count);
        } else {
            mask_selected(delta, contribution.selection, first + at, count);
        }
        if (contribution.divisor != 1.0f) divide(delta, contribution.divisor, count);
        return delta;
    }

    // Loads stretch by stretch and calls work(values, first, count, own) for its parts.
    template <typename Work>
    void load_parts(const Contribution & contribution, uint64_t first, size_t count, unsigned worker, const Work & work) {
        Buffers & own = buffers_[worker];
        own.prepare(1);
        contribution.reader->load(first, count, own.loaded[0]);
        for (size_t at = 0; at < count; at += STRETCH_PART) {
            const size_t part = std::min(STRETCH_PART, count - at);
            work(contribution.reader->decode(own.loaded[0], at, part, own.decoded[0].data()), first + at, part);
        }
    }

    // The k = floor(density * N) entries of largest magnitude, ties in favour of the lowest index.
    void select(const GgufTensor & target, uint64_t stretch, Contribution & contribution) {
        const uint64_t k = uint64_t(contribution.density * double(target.entries()));
        if (k == 0) {
            contribution.selection = {0x7FFFFFFF, 0};  // above every finite magnitude
            return;
        }
        if (target.entries() < SMALLEST_SAMPLED || !select_by_sample(target, stretch, contribution, k)) {
            select_by_histogram(target, stretch, contribution, k);
        }
    }

    bool select_by_sample(const GgufTensor & target, uint64_t stretch, Contribution & contribution, uint64_t k) {
        const uint64_t entries = target.entries();
        // Every fourth entry of evenly spread units.
        const uint64_t step = entries / SAMPLED_UNITS / STRETCH_UNIT * STRETCH_UNIT;
        std::vector<uint32_t> sample;
        for (uint64_t unit = 0; unit < SAMPLED_UNITS; unit++) {
            load_parts(contribution, unit * step, STRETCH_UNIT, 0, [&](const float * values, uint64_t, size_t count) {
                for (size_t i = 0; i < count; i += 4) sample.push_back(magnitude_bits(values[i]));
            });
        }
        const Bracket bracket = find_bracket(sample, double(k) / double(entries));

        const size_t pieces = size_t((entries + stretch - 1) / stretch);
        std::vector<uint64_t> above(pieces);
        std::vector<std::vector<uint32_t>> within(pieces);
        std::atomic<uint64_t> collected{0};
        for_stretches(target, stretch, [&](uint64_t first, size_t count, unsigned worker) {
            progress_.advance(entry_bytes(target.type, count));
            if (collected > entries / 8) return;  // a flat spot: the histogram does better
            const size_t piece = size_t(first / stretch);
            std::vector<uint32_t> & found = buffers_[worker].found;
            found.clear();
            load_parts(contribution, first, count, worker, [&](const float * values, uint64_t, size_t part) {
                above[piece] += collect(values, part, bracket, found);
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
        uint64_t wanted = uint64_t(std::count_if(candidates.begin(), kth + 1, is_tie));
        contribution.selection = {threshold, UINT64_MAX};
        for (size_t piece = 0; piece < pieces; piece++) {
            const uint64_t ties = uint64_t(std::count_if(within[piece].begin(), within[piece].end(), is_tie));
            if (ties >= wanted) {
                contribution.selection.last_tie = find_tie(target, stretch, contribution, piece, wanted);
                break;
            }
            wanted -= ties;
        }
        return true;
    }

    void select_by_histogram(const GgufTensor & target, uint64_t stretch, Contribution & contribution, uint64_t k) {
        const Cut upper = find_cut(histogram(target, stretch, contribution, UPPER_BINS, count_upper), k);
        const Cut lower = find_cut(histogram(target, stretch, contribution, LOWER_BINS,
                                             [&](const float * values, size_t count, uint64_t * bins) {
                                                 count_lower(values, count, uint32_t(upper.bin), bins);
                                             }),
                                   upper.needed);
        const uint32_t threshold = uint32_t(upper.bin) << 16 | uint32_t(lower.bin);
        contribution.selection = {threshold, UINT64_MAX};
        if (lower.needed == lower.held) return;
        std::vector<uint64_t> ties(size_t((target.entries() + stretch - 1) / stretch));
        for_stretches(target, stretch, [&](uint64_t first, size_t count, unsigned worker) {
            load_parts(contribution, first, count, worker, [&](const float * values, uint64_t, size_t part) {
                ties[size_t(first / stretch)] += count_equal(values, part, threshold);
            });
        });
        uint64_t wanted = lower.needed;
        size_t piece = 0;
        while (ties[piece] < wanted) wanted -= ties[piece++];
        contribution.selection.last_tie = find_tie(target, stretch, contribution, piece, wanted);
    }

    // Histogram of one pass over the vector.
    template <typename Count>
    std::vector<uint64_t> histogram(const GgufTensor & target, uint64_t stretch, const Contribution & contribution,
                                    size_t bins, const Count & count_into) {
        for (auto & own : buffers_) own.bins.assign(bins, 0);
        for_stretches(target, stretch, [&](uint64_t first, size_t count, unsigned worker) {
            load_parts(contribution, first, count, worker, [&](const float * values, uint64_t, size_t part) {
                count_into(values, part, buffers_[worker].bins.data());
            });
            progress_.advance(entry_bytes(target.type, count));
        });
        std::vector<uint64_t> total(bins, 0);
        for (const auto & own : buffers_) {
            for (size_t b = 0; b < bins; b++) total[b] += own.bins[b];
        }
        return total;
    }

    // Index in the tensor of the `wanted`-th entry (from 1) of stretch `piece` that equals the threshold.
    uint64_t find_tie(const GgufTensor & target, uint64_t stretch, const Contribution & contribution, size_t piece, uint64_t wanted) {
        const uint64_t start = piece * stretch;
        uint64_t found = UINT64_MAX;
        load_parts(contribution, start, size_t(std::min(stretch, target.entries() - start)), 0,
                   [&](const float * values, uint64_t first, size_t part) {
                       if (wanted == 0) return;
                       const uint64_t ties = count_equal(values, part, contribution.selection.threshold);
                       if (ties >= wanted) found = first + find_equal(values, part, contribution.selection.threshold, wanted - 1);
                       wanted -= std::min(wanted, ties);
                   });
        return found;
    }

    // Rescaling by what the mask left of the tensor's sum of magnitudes.
    void measure_l1(const GgufTensor & target, uint64_t stretch, Contribution & contribution) {
        const size_t parts = size_t((target.entries() + STRETCH_PART - 1) / STRETCH_PART);
        std::vector<double> before(parts), after(parts);
        for_stretches(target, stretch, [&](uint64_t first, size_t count, unsigned worker) {
            Buffers & own = buffers_[worker];
            own.prepare(1);
            contribution.reader->load(first, count, own.loaded[0]);
            for (size_t at = 0; at < count; at += STRETCH_PART) {
                const size_t part = std::min(STRETCH_PART, count - at), index = size_t((first + at) / STRETCH_PART);
                before[index] = sum_of_magnitudes(contribution.reader->decode(own.loaded[0], at, part, own.decoded[0].data()), part);
                after[index] = sum_of_magnitudes(sparse_part(contribution, first, at, part, own, 0), part);
            }
            progress_.advance(entry_bytes(target.type, count));
        });
        double all = 0, kept = 0;
        for (size_t i = 0; i < parts; i++) all += before[i], kept += after[i];
        contribution.divisor = all > 0 && kept > 0 ? float(kept / all) : 1.0f;
    }

    // Rounds part of a stretch into own.stored.
    void convert(const GgufTensor & target, size_t at, size_t count, const float * values, Buffers & own) const {
        if (!from_float(target.type, values, own.stored.data() + entry_bytes(target.type, at), count)) {
            throw_not_finite(options_.out, target.name, "would hold values too large for " + type_name(target.type) +
                                                            "; use smaller weights, or F32 or BF16");
        }
    }

    void write_stretch(const GgufTensor & target, uint64_t first, size_t count, const Buffers & own, OutputFile & out) {
        const uint64_t bytes = entry_bytes(target.type, count);
        out.write(own.stored.data(), size_t(bytes), target.offset + entry_bytes(target.type, first));
        progress_.advance(bytes);
    }

    const BakeOptions & options_;
    Progress & progress_;
    ThreadPool pool_;
    GgufFile base_;
    std::vector<std::unique_ptr<VectorFile>> vectors_;
    std::vector<Buffers> buffers_;
    BakeResult result_{};
};

}  // namespace

Method method_by_name(const std::string & name) {
    if (name == "task_arithmetic") return {Sparsify::None, Consensus::None, false, Rescale::None};
    if (name == "dare_linear") return {Sparsify::Random, Consensus::None, false, Rescale::Density};
    if (name == "ties") return {Sparsify::Magnitude, Consensus::Sign, true, Rescale::None};
    throw MergeError("invalid_argument", "Unknown merge method '" + name +
                                             "'; use task_arithmetic, dare_linear or ties.");
}

BakeResult bake(const BakeOptions & options, Progress & progress) { return Baker(options, progress).run(); }

}  // namespace temperament
