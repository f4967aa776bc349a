// Tensor by tensor: read the base and the vectors in stretches, compute in float32, round once, write in place.
#include "bake.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <set>

#include "contribution.h"
#include "convert.h"
#include "device_choice.h"
#include "error.h"
#include "factor_space.h"
#include "geometry.h"
#include "ggml_library.h"
#include "kernels.h"
#include "mix.h"
#include "quantize.h"
#include "random.h"
#include "select.h"
#include "selector.h"
#include "stretches.h"
#include "tensor_data.h"

namespace temperament {

namespace {

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
        : options_(options), progress_(progress), passes_(thread_count(options.threads), progress), base_(options.base),
          depth_(base_.tensors()) {}

    BakeResult run() {
        const auto start = std::chrono::steady_clock::now();
        open_vectors();
        check_paths();
        std::vector<GgufTensor> targets = plan_targets();
        std::vector<GgufTensor> stored = targets;  // as they end up in the file
        const GgufLayout layout = plan_file(stored);
        uint64_t scratch_bytes = 0;
        for (size_t i = 0; i < targets.size(); i++) {
            if (is_quantised(i, stored[i])) {
                // Baked in float32 into a file of its own, one tensor at a time, and quantised from there.
                targets[i].offset = 0;
                targets[i].bytes = tensor_bytes(targets[i].type, targets[i].shape);
                scratch_bytes = std::max(scratch_bytes, targets[i].bytes);
                progress_.total += targets[i].bytes * QUANTIZING_WORK;
            } else {
                targets[i] = stored[i];
            }
            progress_.total += work_bytes(targets[i]);
        }
        device_.emplace(options_.device, passes_, options_.stretch, entries_changed(targets));
        OutputFile out(options_.out, layout.total_bytes, scratch_bytes);
        std::unique_ptr<OutputFile> scratch;
        if (scratch_bytes > 0) scratch = std::make_unique<OutputFile>(options_.out, scratch_bytes);
        trim_whole_vectors(targets);
        out.write(layout.header.data(), layout.header.size(), 0);
        for (size_t i = 0; i < targets.size(); i++) {
            const bool quantise = is_quantised(i, stored[i]);
            bake_tensor(base_.tensors()[i], targets[i], quantise ? *scratch : out);
            release(base_.tensors()[i]);
            if (quantise) quantizer_->write(*scratch, stored[i], passes_.pool, progress_, out);
        }
        scratch.reset();
        progress_.check();
        base_.check_whole();
        for (const auto & vector : vectors_) vector->file().check_whole();
        result_.flush_seconds = out.commit();
        progress_.finish();
        result_.bytes = layout.total_bytes;
        result_.tensors = targets.size();
        result_.threads = passes_.pool.size();
        result_.device = device_->use();
        for (const std::string & why : device_->complaints()) note("device_fallback", "", why);
        result_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        return std::move(result_);
    }

private:
    void check_paths() const {
        const auto refuse = [&](const std::string & what) {
            throw MergeError("invalid_argument", "The output " + options_.out + " is " + what +
                                                     ". Choose another name.", options_.out);
        };
        if (base_.is_same_file(options_.out)) refuse("the base model itself");
        for (const auto & vector : vectors_) {
            if (vector->file().is_same_file(options_.out)) refuse("one of the vectors");
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
            if (works_on_factors() && !vectors_.back()->is_low_rank()) {
                throw MergeError("mismatch", vector.path + " is a dense vector, but this method merges the factors of low-rank "
                                                           "ones. Make an adapter of it with factorize.", vector.path);
            }
            for (const auto & name : vectors_.back()->ignored()) {
                if (ignored.insert(name).second) {
                    note("ignored_tensor", name, vector.path + " also carries '" + name + "', which adapters pass over.");
                }
            }
        }
        whole_.resize(vectors_.size());
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

    // Sets the tensors' types, places and sizes.
    GgufLayout plan_file(std::vector<GgufTensor> & tensors) {
        std::vector<MetadataEntry> metadata = plan_metadata();
        std::vector<size_t> order(tensors.size());
        std::iota(order.begin(), order.end(), size_t(0));
        if (options_.mix >= 0) {
            quantizer_ = std::make_unique<Quantizer>(base_.path(), options_.mix, options_.imatrix, metadata, tensors);
            metadata = quantizer_->metadata(std::move(metadata));
            order = quantizer_->order();
            for (size_t i = 0; i < tensors.size(); i++) tensors[i].type = quantizer_->types()[i];
            for (size_t i : quantizer_->fallbacks()) {
                note("type_fallback", tensors[i].name,
                     "'" + tensors[i].name + "' has rows of " + std::to_string(tensors[i].row_length()) +
                         " entries, which the type meant for it cannot hold; it is stored as " + type_name(tensors[i].type) + ".");
            }
        }
        std::vector<GgufTensor> ordered;
        for (size_t i : order) ordered.push_back(tensors[i]);
        GgufLayout layout = plan_gguf(metadata, ordered);
        for (size_t place = 0; place < order.size(); place++) {
            GgufTensor & tensor = tensors[order[place]];
            tensor.offset = layout.offsets[place];
            tensor.bytes = tensor_bytes(tensor.type, tensor.shape);
        }
        return layout;
    }

    // Whether the tensor goes through the quantiser. One that no vector changes and that has its type already does not.
    bool is_quantised(size_t i, const GgufTensor & stored) const {
        const GgufTensor & tensor = base_.tensors()[i];
        if (!quantizer_ || ggml().ggml_blck_size(ggml_type(stored.type)) == 1) return false;
        return stored.type != tensor.type || is_changed(tensor);
    }

    bool is_changed(const GgufTensor & tensor) const {
        if (!takes_part(tensor)) return false;
        for (size_t v = 0; v < vectors_.size(); v++) {
            if (vectors_[v]->deltas().count(tensor.name) && weight_in(v, tensor.name) != 0.0f) return true;
        }
        return false;
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

    // Whether vectors may change this tensor.
    bool takes_part(const GgufTensor & tensor) const {
        if (is_embedding(tensor.name)) return options_.embeddings;
        return options_.output_head || !is_output_head(tensor.name);
    }

    float weight_in(size_t vector, const std::string & tensor) const {
        const BakeVector & own = options_.vectors[vector];
        return weight_of(tensor, depth_.of(tensor), own.rules, own.weight);
    }

    bool works_on_factors() const {
        return options_.method.family == Family::Tsv || options_.method.family == Family::Knots;
    }

    bool trims_whole(size_t vector) const {
        return options_.trim == TrimScope::Vector && options_.method.sparsify == Sparsify::Magnitude &&
               options_.vectors[vector].density < 1;
    }

    Sparsity sparsity_in(size_t vector, const std::string & tensor) const {
        const BakeVector & own = options_.vectors[vector];
        Sparsity sparsity;
        if (own.density >= 1 || options_.method.sparsify == Sparsify::None) return sparsity;
        sparsity.how = options_.method.sparsify;
        sparsity.rescale = options_.rescale;
        sparsity.density = own.density;
        sparsity.gamma = options_.gamma;
        sparsity.epsilon = options_.epsilon;
        if (sparsity.how == Sparsify::Random) sparsity.key = random_key("dare", options_.seed, own.id, tensor);
        if (sparsity.how == Sparsify::Ranked) sparsity.key = random_key("della", options_.seed, own.id, tensor);
        if (trims_whole(vector)) {
            const auto found = whole_[vector].find(tensor);
            sparsity.whole = found == whole_[vector].end() ? Selection{} : found->second;
        }
        return sparsity;
    }

    // Progress counts a tensor's output bytes once for writing and once for every time a vector is read before that.
    uint64_t work_bytes(const GgufTensor & target) const {
        uint64_t times = 1;
        bool changed = false;
        for (size_t v = 0; v < vectors_.size(); v++) {
            if (!takes_part(target) || !vectors_[v]->deltas().count(target.name)) continue;
            if (trims_whole(v)) times += 2;
            if (weight_in(v, target.name) == 0.0f) continue;
            changed = true;
            times += Contribution::passes_before(sparsity_in(v, target.name), target.entries());
        }
        if (changed && options_.method.family == Family::Sce) {
            times += 1 + (options_.select_topk < 1 ? 1 + selection_passes(target.entries()) : 0);
        } else if (changed && options_.method.family != Family::TaskVectors && !works_on_factors()) {
            times += 1;
        }
        return times * target.bytes;
    }

    uint64_t entries_changed(const std::vector<GgufTensor> & targets) const {
        uint64_t entries = 0;
        for (const auto & target : targets) {
            for (size_t v = 0; v < vectors_.size(); v++) {
                if (!takes_part(target) || !vectors_[v]->deltas().count(target.name)) continue;
                if (weight_in(v, target.name) == 0.0f) continue;
                entries += target.entries();
                break;
            }
        }
        return entries;
    }

    void note(const char * code, const std::string & tensor, const std::string & message) {
        result_.notes.push_back({code, tensor, message});
    }

    // METHOD.md section 3, scope "vector": one threshold over all tensors of a vector. Entries of tensors that the vector
    // leaves alone count as zeros; weights do not matter.
    void trim_whole_vectors(const std::vector<GgufTensor> & targets) {
        for (size_t v = 0; v < vectors_.size(); v++) {
            if (!trims_whole(v)) continue;
            const VectorFile & vector = *vectors_[v];
            std::vector<size_t> held;
            uint64_t entries = 0, entries_held = 0;
            bool acts = false;
            for (size_t i = 0; i < targets.size(); i++) {
                const GgufTensor & tensor = base_.tensors()[i];
                if (!takes_part(tensor) || !is_readable_type(tensor.type)) continue;
                entries += tensor.entries();
                if (!vector.deltas().count(tensor.name)) continue;
                acts |= weight_in(v, tensor.name) != 0.0f;
                entries_held += tensor.entries();
                held.push_back(i);
            }
            if (!acts) continue;
            const auto k = uint64_t(options_.vectors[v].density * double(entries));
            if (k >= entries_held) continue;  // nothing but zeros to drop
            const uint64_t usual = vector.is_low_rank() ? LONG_STRETCH : DENSE_STRETCH;
            const uint64_t stretch = options_.stretch ? options_.stretch : usual;
            const std::vector<Selection> selections = select_largest(passes_, held.size(), [&](size_t t) {
                const GgufTensor & tensor = base_.tensors()[held[t]];
                progress_.set_tensor(tensor.name);
                return values_of(vector, vector.deltas().at(tensor.name), tensor, targets[held[t]], stretch, passes_);
            }, k);
            for (size_t t = 0; t < held.size(); t++) whole_[v][targets[held[t]].name] = selections[t];
        }
    }

    // The vectors that act on the tensor at hand. A weight of zero adds nothing, whatever the method; a vector that
    // leaves the tensor alone has a weight but no contribution.
    struct Participants {
        std::vector<float> weights;
        std::vector<Contribution> contributions;
        std::vector<double> densities;  // of the contributions
        size_t absent() const { return weights.size() - contributions.size(); }
    };

    Participants participants_in(const GgufTensor & tensor) const {
        Participants all;
        if (!takes_part(tensor)) return all;
        for (size_t v = 0; v < vectors_.size(); v++) {
            const float weight = weight_in(v, tensor.name);
            if (weight == 0.0f) continue;
            const auto found = vectors_[v]->deltas().find(tensor.name);
            if (found != vectors_[v]->deltas().end()) {
                all.contributions.emplace_back(*vectors_[v], found->second, tensor, all.weights.size(), weight,
                                               sparsity_in(v, tensor.name));
                all.densities.push_back(options_.vectors[v].density);
            }
            all.weights.push_back(weight);
        }
        return all;
    }

    void bake_tensor(const GgufTensor & tensor, const GgufTensor & target, OutputFile & out) {
        progress_.check();
        progress_.set_tensor(tensor.name);
        Participants all = participants_in(tensor);
        const bool lengthen = std::any_of(all.contributions.begin(), all.contributions.end(),
                                          [](const Contribution & own) { return own.wants_long_stretch(); });
        const uint64_t stretch = options_.stretch ? options_.stretch : lengthen ? LONG_STRETCH : DENSE_STRETCH;
        if (all.contributions.empty()) return copy_tensor(tensor, target, out, stretch);
        if (!is_readable_type(tensor.type)) {
            throw MergeError("unsupported_type", base_.path() + ": tensor '" + tensor.name + "' is " +
                                                     type_name(tensor.type) + ", which a vector cannot change.",
                             base_.path(), tensor.name);
        }
        result_.changed++;
        if (options_.method.family != Family::TaskVectors) device_->decline("this method is only written for the CPU");
        switch (options_.method.family) {
            case Family::TaskVectors: return bake_task_vectors(tensor, target, out, stretch, all);
            case Family::Sce: return bake_sce(tensor, target, out, stretch, all);
            case Family::Tsv:
            case Family::Knots: return bake_factors(tensor, target, out, stretch, all);
            default: return bake_points(tensor, target, out, stretch, all);
        }
    }

    // What was viewed of the tensor is not needed any more.
    void release(const GgufTensor & tensor) const {
        base_.release(tensor);
        for (const auto & vector : vectors_) {
            const auto found = vector->deltas().find(tensor.name);
            if (found != vector->deltas().end() && found->second.dense) vector->file().release(*found->second.dense);
        }
    }

    // No vector changes this tensor.
    void copy_tensor(const GgufTensor & tensor, const GgufTensor & target, OutputFile & out, uint64_t stretch) {
        if (tensor.type == target.type && !is_source_type(tensor.type)) {
            // Quantised or integer: bytes as they are.
            constexpr uint64_t PIECE = 1 << 20;
            passes_.pool.run(size_t((tensor.bytes + PIECE - 1) / PIECE), [&](size_t piece, unsigned worker) {
                progress_.check();
                Buffers & own = passes_.buffers[worker];
                const size_t bytes = size_t(std::min(PIECE, tensor.bytes - piece * PIECE));
                own.stored.resize(std::max<size_t>(own.stored.size(), bytes));
                base_.read(tensor, own.stored.data(), bytes, piece * PIECE);
                out.write(own.stored.data(), bytes, target.offset + piece * PIECE);
                progress_.advance(bytes);
            });
            return;
        }
        passes_.for_stretches(tensor.entries(), stretch, [&](uint64_t first, size_t count, unsigned worker) {
            Buffers & own = passes_.buffers[worker];
            load_entries(base_, tensor, first, count, own.raw);
            own.stored.resize(std::max<size_t>(own.stored.size(), entry_bytes(target.type, count)));
            float values[STRETCH_PART];
            for (size_t at = 0; at < count; at += STRETCH_PART) {
                const size_t part = std::min(STRETCH_PART, count - at);
                decode_entries(base_, tensor, own.raw, at, part, values);
                convert(target, at, part, values, own);
            }
            write_stretch(target, first, count, own, out);
        });
    }

    // What mix_terms() works on: entries [first, end) of a tensor, a stretch at a time. A rehearsal writes nothing.
    struct Span {
        const GgufTensor & tensor;
        const GgufTensor & target;
        OutputFile & out;
        uint64_t stretch, first, end;
        bool rehearse = false;
    };

    // Mixes the terms that collect(own, first, at, count) puts into own.terms for part of a stretch whose base is loaded
    // into own.raw and whose contributions into the slots of `own`.
    template <typename Collect>
    void mix_terms(const Span & span, const std::vector<Contribution> & contributions, const MixRule & rule,
                   const Collect & collect) {
        const size_t n = contributions.size();
        passes_.for_stretches(span.first, span.end, span.stretch, [&](uint64_t first, size_t count, unsigned worker) {
            Buffers & own = passes_.buffers[worker];
            own.prepare(n);
            for (size_t c = 0; c < n; c++) contributions[c].load(first, count, own, c);
            load_entries(base_, span.tensor, first, count, own.raw);
            own.stored.resize(std::max<size_t>(own.stored.size(), entry_bytes(span.target.type, count)));
            alignas(64) float dequantised[STRETCH_PART], mixed[STRETCH_PART];
            for (size_t at = 0; at < count; at += STRETCH_PART) {
                const size_t part = std::min(STRETCH_PART, count - at), left = count - at - part;
                if (left > 0) {
                    const size_t next = std::min(STRETCH_PART, left);
                    for (size_t c = 0; c < n; c++) contributions[c].prefetch_part(at + part, next, own, c);
                    prefetch_entries(span.tensor, own.raw, at + part, next);
                }
                own.terms.clear();
                collect(own, first, at, part);
                const Stored base = stored_entries(span.tensor, own.raw, at, part, dequantised);
                // Types that the kernel does not store are rounded from float32 afterwards.
                const bool direct = is_source_type(span.target.type);
                uint8_t * stored = own.stored.data() + entry_bytes(span.target.type, at);
                const Stored result = direct ? Stored{span.target.type, stored} : Stored{GGML_TYPE_F32, mixed};
                if (!mix(base, own.terms.data(), own.terms.size(), rule, result, part)) {
                    for (size_t c = 0; c < n; c++) {
                        contributions[c].load(first, count, own, c);  // thinning out may have changed it
                        contributions[c].check(contributions[c].stored_part(at, part, own, c), part);
                    }
                    check_finite(base_, span.tensor, base, part);
                    // The files hold nothing of the kind.
                    throw_too_large(span.target);
                }
                if (!direct) convert(span.target, at, part, mixed, own);
            }
            if (!span.rehearse) write_stretch(span.target, first, count, own, span.out);
        });
    }

    void bake_task_vectors(const GgufTensor & tensor, const GgufTensor & target, OutputFile & out, uint64_t stretch,
                           Participants & all) {
        std::vector<Voice> voices;
        for (auto & contribution : all.contributions) {
            contribution.prepare(passes_, target, stretch);
            const float weight = contribution.weight(), gain = weight / contribution.divisor();
            const float vote = (weight > 0 ? 1.0f : -1.0f) / contribution.divisor();
            voices.push_back(options_.unweighted ? Voice{vote, gain, 1} : Voice{gain, gain, weight});
        }
        MixRule rule;
        rule.elect = options_.method.consensus == Consensus::Sign;
        rule.normalize = options_.normalize;
        rule.lambda = options_.lambda;
        // Vectors that leave this tensor alone still have their weight in the mean.
        if (rule.normalize && !rule.elect) {
            rule.divisor = 0;
            for (const float weight : all.weights) rule.divisor += weight;
            if (std::fabs(rule.divisor) < 1e-8f) rule.divisor = 1;
        }
        const auto on_cpu = [&](uint64_t first, uint64_t end, bool rehearse) {
            mix_terms({tensor, target, out, stretch, first, end, rehearse}, all.contributions, rule,
                      [&](Buffers & own, uint64_t first, size_t at, size_t count) {
                          for (size_t c = 0; c < all.contributions.size(); c++) {
                              own.terms.push_back({all.contributions[c].part(first, at, count, own, c), voices[c]});
                          }
                      });
        };
        // What a device has summed is divided, added to the base and stored here.
        MixRule summed = rule;
        summed.elect = false;
        const auto finish = [&](uint64_t first, size_t count, const float * sums, const float * divisors, bool rehearse) {
            mix_terms({tensor, target, out, stretch, first, first + count, rehearse}, {}, summed,
                      [&](Buffers & own, uint64_t begin, size_t at, size_t part) {
                          const size_t offset = size_t(begin - first) + at;
                          own.prepare(1);
                          float * sum = own.decoded[0].data();
                          memcpy(sum, sums + offset, part * sizeof(float));
                          if (divisors) divide_by(sum, divisors + offset, part);
                          own.terms.push_back({{GGML_TYPE_F32, sum}, {1, 1, 1}});
                      });
        };
        device_->compute({tensor, all.contributions, voices, rule.elect, rule.normalize}, on_cpu, finish);
    }

    // SCE, as mergekit defines it: of the entries in which the vectors differ the top share by variance is kept; each
    // vector weighs by its energy in what is kept; entries against the majority's sign are left out of the mean.
    void bake_sce(const GgufTensor & tensor, const GgufTensor & target, OutputFile & out, uint64_t stretch,
                  const Participants & all) {
        const std::vector<Contribution> & contributions = all.contributions;
        const size_t n = contributions.size();
        std::vector<float> weights;
        for (const auto & contribution : contributions) weights.push_back(contribution.weight());
        const bool selects = options_.select_topk < 1;
        // Parts of the loaded vectors into own.parts, and their spread where it decides.
        const auto decode = [&](Buffers & own, size_t at, size_t count, float * spread) {
            own.parts.resize(n);
            for (size_t c = 0; c < n; c++) own.parts[c] = contributions[c].plain_part(at, count, own, c);
            if (selects) deviation(spread, own.parts.data(), weights.data(), n, all.absent(), count);
        };
        Selection selection;
        if (selects) selection = select_spread(target, stretch, contributions, decode);
        const auto decode_selected = [&](Buffers & own, uint64_t first, size_t at, size_t count) {
            alignas(64) float spread[STRETCH_PART];
            decode(own, at, count, spread);
            if (!selects) return;
            for (float * delta : own.parts) mask_selected_by(delta, spread, selection, first + at, count);
        };

        std::vector<double> energies = sum_over(
            tensor, target, contributions, n,
            [&](Buffers & own, uint64_t first, size_t at, size_t count, std::vector<double> & sums) {
                decode_selected(own, first, at, count);
                for (size_t c = 0; c < n; c++) sums[c] += sum_of_squares(own.parts[c], count);
            });
        double total = 0;
        for (size_t c = 0; c < n; c++) total += energies[c] *= double(weights[c]) * double(weights[c]);
        std::vector<Voice> voices;
        for (size_t c = 0; c < n; c++) {
            const double energy = total > 0 ? energies[c] / total : 1.0 / double(n);
            voices.push_back({weights[c], float(energy * weights[c]), float(energy)});
        }
        MixRule rule;
        rule.elect = rule.normalize = true;
        rule.lambda = options_.lambda;
        mix_terms({tensor, target, out, stretch, 0, tensor.entries()}, contributions, rule,
                  [&](Buffers & own, uint64_t first, size_t at, size_t count) {
                      decode_selected(own, first, at, count);
                      for (size_t c = 0; c < n; c++) own.terms.push_back({{GGML_TYPE_F32, own.parts[c]}, voices[c]});
                  });
    }

    // The floor(share * entries that vary at all) entries of largest spread.
    template <typename Decode>
    Selection select_spread(const GgufTensor & target, uint64_t stretch, const std::vector<Contribution> & contributions,
                            const Decode & decode) {
        const size_t n = contributions.size();
        const Values spreads{target, stretch, [&](uint64_t first, size_t count, unsigned worker, const PartWork & work) {
            Buffers & own = passes_.buffers[worker];
            own.prepare(n);
            for (size_t c = 0; c < n; c++) contributions[c].load(first, count, own, c);
            alignas(64) float spread[STRETCH_PART];
            for (size_t at = 0; at < count; at += STRETCH_PART) {
                const size_t part = std::min(STRETCH_PART, count - at);
                decode(own, at, part, spread);
                work(spread, first + at, part);
            }
        }, 0, nullptr};
        std::atomic<uint64_t> varying{0};
        passes_.for_stretches(target.entries(), stretch, [&](uint64_t first, size_t count, unsigned worker) {
            spreads.load(first, count, worker, [&](const float * spread, uint64_t, size_t part) {
                varying += part - count_equal(spread, part, 0);
            });
            progress_.advance(entry_bytes(target.type, count));
        });
        return select_largest(passes_, spreads, uint64_t(options_.select_topk * double(varying)));
    }

    // TSV-M and KnOTS: the changes' factors become those of one change, which is added.
    void bake_factors(const GgufTensor & tensor, const GgufTensor & target, OutputFile & out, uint64_t stretch,
                      const Participants & all) {
        std::vector<FactoredChange> changes;
        for (size_t c = 0; c < all.contributions.size(); c++) {
            const Contribution & own = all.contributions[c];
            const DeltaReader & reader = own.reader();
            changes.push_back({reader.a(), reader.b(), size_t(reader.rank()), reader.scale(), own.weight(), all.densities[c]});
        }
        const auto rows = size_t(tensor.rows()), columns = size_t(tensor.row_length());
        const MergedFactors merged =
            options_.method.family == Family::Tsv
                ? merge_tsv(changes, rows, columns, options_.rank_share, passes_.pool)
                : merge_knots_ties(changes, rows, columns, options_.normalize, options_.unweighted, passes_.pool);
        MixRule rule;
        rule.lambda = options_.lambda;
        mix_terms({tensor, target, out, stretch, 0, tensor.entries()}, {}, rule,
                  [&](Buffers & own, uint64_t first, size_t at, size_t) {
                      own.prepare(1);
                      std::vector<float> & change = own.loaded[0].floats;
                      if (at == 0) {
                          const auto whole = size_t(std::min(stretch, tensor.entries() - first));
                          if (change.size() < whole) change.resize(whole);
                          multiply_out(merged.a, merged.b, merged.rank, 1, columns, first, whole, change.data());
                      }
                      own.terms.push_back({{GGML_TYPE_F32, change.data() + at}, {1, 1, 1}});
                  });
    }

    // Slerp and its kin: inner products, then a sum with the factors that follow from them.
    void bake_points(const GgufTensor & tensor, const GgufTensor & target, OutputFile & out, uint64_t stretch,
                     const Participants & all) {
        const std::vector<Contribution> & contributions = all.contributions;
        const size_t n = contributions.size();
        // Pairs of the base (0) and the contributions (1 ... n).
        std::vector<std::pair<size_t, size_t>> pairs;
        for (size_t i = 0; i <= n; i++) {
            for (size_t j = i; j <= n; j++) pairs.emplace_back(i, j);
        }
        const std::vector<double> products = sum_over(
            tensor, target, contributions, pairs.size(),
            [&](Buffers & own, uint64_t, size_t at, size_t count, std::vector<double> & sums) {
                alignas(64) float base[STRETCH_PART];
                decode_entries(base_, tensor, own.raw, at, count, base);
                own.parts.assign(1, base);
                for (size_t c = 0; c < n; c++) own.parts.push_back(contributions[c].plain_part(at, count, own, c));
                for (size_t p = 0; p < pairs.size(); p++) {
                    sums[p] += dot(own.parts[pairs[p].first], own.parts[pairs[p].second], count);
                }
            });
        Gram gram(all.weights.size());
        const auto index = [&](size_t point) { return point == 0 ? 0 : contributions[point - 1].position() + 1; };
        for (size_t p = 0; p < pairs.size(); p++) {
            const size_t i = index(pairs[p].first), j = index(pairs[p].second);
            gram.at(i, j) = gram.at(j, i) = products[p];
        }
        const Combination combination =
            combine_points(options_.method.family, gram, {all.weights.begin(), all.weights.end()});
        MixRule rule;
        rule.lambda = options_.lambda;
        mix_terms({tensor, target, out, stretch, 0, tensor.entries()}, contributions, rule,
                  [&](Buffers & own, uint64_t, size_t at, size_t count) {
                      const auto add = [&](const Stored & part, double factor) {
                          own.terms.push_back({part, {0, float(factor), 0}});
                      };
                      own.dequantised.resize(STRETCH_PART);
                      add(stored_entries(tensor, own.raw, at, count, own.dequantised.data()), combination.base - 1);
                      for (size_t c = 0; c < n; c++) {
                          add(contributions[c].stored_part(at, count, own, c), combination.deltas[contributions[c].position()]);
                      }
                  });
    }

    // Sums over all entries, in the same order for any threads and stretch: add(own, first, at, count, sums) for parts of
    // stretches whose base and contributions are loaded.
    template <typename Add>
    std::vector<double> sum_over(const GgufTensor & tensor, const GgufTensor & target,
                                 const std::vector<Contribution> & contributions, size_t sums, const Add & add) {
        const uint64_t entries = tensor.entries();
        std::vector<std::vector<double>> pieces(Passes::pieces(entries, LONG_STRETCH), std::vector<double>(sums));
        passes_.for_stretches(entries, LONG_STRETCH, [&](uint64_t first, size_t count, unsigned worker) {
            Buffers & own = passes_.buffers[worker];
            own.prepare(contributions.size());
            load_entries(base_, tensor, first, count, own.raw);
            for (size_t c = 0; c < contributions.size(); c++) contributions[c].load(first, count, own, c);
            for (size_t at = 0; at < count; at += STRETCH_PART) {
                add(own, first, at, std::min(STRETCH_PART, count - at), pieces[size_t(first / LONG_STRETCH)]);
            }
            progress_.advance(entry_bytes(target.type, count));
        });
        std::vector<double> total(sums);
        for (const auto & piece : pieces) {
            for (size_t i = 0; i < sums; i++) total[i] += piece[i];
        }
        return total;
    }

    // Rounds part of a stretch into own.stored.
    void convert(const GgufTensor & target, size_t at, size_t count, const float * values, Buffers & own) const {
        if (!from_float(target.type, values, own.stored.data() + entry_bytes(target.type, at), count)) throw_too_large(target);
    }

    [[noreturn]] void throw_too_large(const GgufTensor & target) const {
        throw_not_finite(options_.out, target.name, "would hold values too large for " + type_name(target.type) +
                                                        "; use smaller weights, or F32 or BF16");
    }

    void write_stretch(const GgufTensor & target, uint64_t first, size_t count, const Buffers & own, OutputFile & out) {
        const uint64_t bytes = entry_bytes(target.type, count);
        out.write(own.stored.data(), size_t(bytes), target.offset + entry_bytes(target.type, first));
        progress_.advance(bytes);
    }

    const BakeOptions & options_;
    Progress & progress_;
    Passes passes_;
    GgufFile base_;
    Depth depth_;
    std::vector<std::unique_ptr<VectorFile>> vectors_;
    std::unique_ptr<Quantizer> quantizer_;  // of a mix of quantised types
    std::vector<std::map<std::string, Selection>> whole_;  // by vector and tensor
    std::optional<DeviceChoice> device_;
    BakeResult result_{};
};

}  // namespace

BakeResult bake(const BakeOptions & options, Progress & progress) { return Baker(options, progress).run(); }

}  // namespace temperament
