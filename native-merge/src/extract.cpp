// Two passes: the first measures every tensor's change, the second writes those that changed.
#include "extract.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "convert.h"
#include "error.h"
#include "ggml_library.h"
#include "kernels.h"
#include "tensor_data.h"

namespace temperament {

namespace {

constexpr uint64_t STRETCH = 16 * STRETCH_UNIT;

struct Buffers {
    LoadedStretch factors;
    std::vector<uint8_t> raw, stored;
    std::vector<float> base, delta;
};

void require_source(const GgufFile & file, const GgufTensor & tensor) {
    if (is_source_type(tensor.type)) return;
    throw MergeError("unsupported_type", file.path() + ": tensor '" + tensor.name + "' is " + type_name(tensor.type) +
                                             ". A vector is the difference of unquantised models: use the F32, F16 or "
                                             "BF16 file.", file.path(), tensor.name);
}

class Extractor {
public:
    Extractor(const ExtractOptions & options, Progress & progress)
        : options_(options), progress_(progress), pool_(thread_count(options.threads)), base_(options.base),
          tuned_(options.tuned), buffers_(pool_.size()) {}

    ExtractResult run() {
        const auto start = std::chrono::steady_clock::now();
        for (const GgufFile * input : {&base_, &tuned_}) {
            if (input->is_same_file(options_.out)) {
                throw MergeError("invalid_argument", "The output " + options_.out + " is one of the inputs. Choose another name.",
                                 options_.out);
            }
        }
        const std::string kind = base_.text("general.type");
        if (kind == "adapter" || kind == "personality-vector") {
            throw MergeError("mismatch", base_.path() + " is no model but a vector. Choose a model as the base.", base_.path());
        }
        if (is_adapter(tuned_)) {
            from_adapter();
        } else {
            from_model();
        }
        for (const auto & layer : result_.layers) {
            result_.norm += layer.norm * layer.norm;
            result_.base_norm += layer.base_norm * layer.base_norm;
        }
        result_.norm = std::sqrt(result_.norm);
        result_.base_norm = std::sqrt(result_.base_norm);
        result_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        progress_.finish();
        return std::move(result_);
    }

private:
    // Calls read(first, count, own) for the stretches of a tensor: it fills own.base and own.delta.
    template <typename Read> LayerChange measure(const GgufTensor & tensor, const Read & read) {
        progress_.set_tensor(tensor.name);
        const uint64_t entries = tensor.entries();
        const size_t blocks = size_t((entries + SUM_BLOCK - 1) / SUM_BLOCK);
        std::vector<double> changes(blocks), bases(blocks);
        pool_.run(size_t((entries + STRETCH - 1) / STRETCH), [&](size_t piece, unsigned worker) {
            progress_.check();
            Buffers & own = buffers_[worker];
            own.base.resize(STRETCH);
            own.delta.resize(STRETCH);
            const uint64_t first = piece * STRETCH;
            const size_t count = size_t(std::min(STRETCH, entries - first));
            read(first, count, own);
            for (size_t at = 0; at < count; at += SUM_BLOCK) {
                const size_t block = size_t((first + at) / SUM_BLOCK), n = std::min(SUM_BLOCK, count - at);
                changes[block] = sum_of_squares(own.delta.data() + at, n);
                bases[block] = sum_of_squares(own.base.data() + at, n);
            }
            progress_.advance(count * 4);
        });
        double change = 0, base = 0;
        for (size_t b = 0; b < blocks; b++) change += changes[b], base += bases[b];
        return {tensor.name, std::sqrt(change), std::sqrt(base)};
    }

    void read_difference(const GgufTensor & tensor, uint64_t first, size_t count, Buffers & own) const {
        read_entries(base_, tensor, first, count, own.base.data(), own.raw);
        read_entries(tuned_, *tuned_.find_tensor(tensor.name), first, count, own.delta.data(), own.raw);
        subtract(own.delta.data(), own.base.data(), count);
        if (!all_finite(own.delta.data(), count)) {
            throw_not_finite(tuned_.path(), tensor.name, "differs from the base by more than a float32 can hold");
        }
    }

    void from_model() {
        if (tuned_.text("general.type") == "personality-vector") {
            throw MergeError("mismatch", tuned_.path() + " is a personality vector already. Choose the fine-tuned model.",
                             tuned_.path());
        }
        check_same_backbone(base_, tuned_);
        std::vector<GgufTensor> compared;
        for (const auto & tensor : base_.tensors()) {
            // Integer tables are no weights; they must agree by shape only.
            if (!is_readable_type(tensor.type)) continue;
            require_source(base_, tensor);
            require_source(tuned_, *tuned_.find_tensor(tensor.name));
            compared.push_back(tensor);
            progress_.total += tensor.entries() * 8;
        }
        std::vector<GgufTensor> kept;
        for (const auto & tensor : compared) {
            result_.layers.push_back(measure(tensor, [&](uint64_t first, size_t count, Buffers & own) {
                read_difference(tensor, first, count, own);
            }));
            if (result_.layers.back().norm == 0) {
                progress_.advance(tensor.entries() * 4);
                continue;
            }
            kept.push_back(tensor);
            kept.back().type = tensor.shape.size() < 2 ? uint32_t(GGML_TYPE_F32) : options_.type;
        }
        if (kept.empty()) {
            throw MergeError("mismatch", tuned_.path() + " has exactly the weights of " + base_.path() +
                                             ": there is no change to extract.", tuned_.path());
        }
        std::vector<MetadataEntry> metadata;
        set_entry(metadata, make_text("general.architecture", base_.text("general.architecture")));
        set_entry(metadata, make_text("general.type", "personality-vector"));
        for (const auto & entry : options_.metadata) set_entry(metadata, entry);
        const GgufLayout layout = plan_gguf(metadata, kept);
        OutputFile out(options_.out, layout.total_bytes);
        out.write(layout.header.data(), layout.header.size(), 0);
        for (size_t i = 0; i < kept.size(); i++) {
            const GgufTensor & source = *base_.find_tensor(kept[i].name);
            write_difference(source, kept[i], layout.offsets[i], out);
            result_.entries += source.entries();
        }
        progress_.check();
        out.commit();
        result_.bytes = layout.total_bytes;
    }

    void write_difference(const GgufTensor & source, const GgufTensor & target, uint64_t offset, OutputFile & out) {
        progress_.set_tensor(source.name);
        const uint64_t entries = source.entries();
        pool_.run(size_t((entries + STRETCH - 1) / STRETCH), [&](size_t piece, unsigned worker) {
            progress_.check();
            Buffers & own = buffers_[worker];
            own.base.resize(STRETCH);
            own.delta.resize(STRETCH);
            const uint64_t first = piece * STRETCH;
            const size_t count = size_t(std::min(STRETCH, entries - first));
            read_difference(source, first, count, own);
            const size_t bytes = size_t(entry_bytes(target.type, count));
            own.stored.resize(std::max(own.stored.size(), bytes));
            if (!from_float(target.type, own.delta.data(), own.stored.data(), count)) {
                throw_not_finite(tuned_.path(), source.name, "differs from the base by more than " + type_name(target.type) +
                                                                 " can hold; store the vector as F32");
            }
            out.write(own.stored.data(), bytes, offset + entry_bytes(target.type, first));
            progress_.advance(count * 4);
        });
    }

    // An adapter keeps its factors; only metadata is added.
    void from_adapter() {
        result_.low_rank = true;
        const VectorFile adapter(options_.tuned);
        adapter.check_against(base_);
        for (const auto & tensor : base_.tensors()) {
            if (adapter.deltas().count(tensor.name)) progress_.total += tensor.entries() * 4;
        }
        for (const auto & tensor : tuned_.tensors()) progress_.total += tensor.bytes;
        for (const auto & tensor : base_.tensors()) {
            const auto found = adapter.deltas().find(tensor.name);
            if (found == adapter.deltas().end()) continue;
            const DeltaReader reader(adapter, found->second, tensor);
            result_.layers.push_back(measure(tensor, [&](uint64_t first, size_t count, Buffers & own) {
                read_entries(base_, tensor, first, count, own.base.data(), own.raw);
                reader.load(first, count, own.factors);
                for (size_t at = 0; at < count; at += STRETCH_PART) {
                    const size_t part = std::min(STRETCH_PART, count - at);
                    const float * values = reader.decode(own.factors, at, part, nullptr);
                    std::copy(values, values + part, own.delta.data() + at);
                }
            }));
        }
        std::vector<MetadataEntry> metadata = tuned_.metadata();
        for (const auto & entry : options_.metadata) set_entry(metadata, entry);
        const GgufLayout layout = plan_gguf(metadata, tuned_.tensors());
        OutputFile out(options_.out, layout.total_bytes);
        out.write(layout.header.data(), layout.header.size(), 0);
        std::vector<uint8_t> buffer;
        for (size_t i = 0; i < tuned_.tensors().size(); i++) {
            const GgufTensor & tensor = tuned_.tensors()[i];
            constexpr uint64_t PIECE = 1 << 20;
            for (uint64_t at = 0; at < tensor.bytes; at += PIECE) {
                progress_.check();
                buffer.resize(size_t(std::min(PIECE, tensor.bytes - at)));
                tuned_.read(tensor, buffer.data(), buffer.size(), at);
                out.write(buffer.data(), buffer.size(), layout.offsets[i] + at);
                progress_.advance(buffer.size());
            }
            result_.entries += tensor.entries();
        }
        progress_.check();
        out.commit();
        result_.bytes = layout.total_bytes;
    }

    const ExtractOptions & options_;
    Progress & progress_;
    ThreadPool pool_;
    GgufFile base_;
    GgufFile tuned_;
    std::vector<Buffers> buffers_;
    ExtractResult result_{};
};

std::string quote(std::string_view text) { return "'" + std::string(text) + "'"; }

}  // namespace

void check_same_backbone(const GgufFile & base, const GgufFile & tuned) {
    const std::string & a = base.path();
    const std::string & b = tuned.path();
    const auto refuse = [&](const std::string & what, const std::string & tensor = {}) {
        throw MergeError("mismatch", what + " Both must come from the same model.", b, tensor);
    };
    const std::string ours = base.text("general.architecture"), theirs = tuned.text("general.architecture");
    if (ours != theirs) refuse("Architectures differ: " + quote(ours) + " in " + a + ", " + quote(theirs) + " in " + b + ".");

    const MetadataEntry * our_tokens = base.find("tokenizer.ggml.tokens");
    const MetadataEntry * their_tokens = tuned.find("tokenizer.ggml.tokens");
    if (our_tokens && their_tokens && our_tokens->raw != their_tokens->raw) {
        const auto first = string_array(*our_tokens), second = string_array(*their_tokens);
        if (first.size() != second.size()) {
            refuse("Vocabularies differ: " + std::to_string(first.size()) + " tokens in " + a + ", " +
                   std::to_string(second.size()) + " in " + b + ".");
        }
        for (size_t i = 0; i < first.size(); i++) {
            if (first[i] != second[i]) {
                refuse("Vocabularies differ: token " + std::to_string(i) + " is " + quote(first[i]) + " in " + a + ", " +
                       quote(second[i]) + " in " + b + ".");
            }
        }
    }
    for (const auto & tensor : base.tensors()) {
        const GgufTensor * other = tuned.find_tensor(tensor.name);
        if (!other) refuse("Tensor " + quote(tensor.name) + " of " + a + " is missing in " + b + ".", tensor.name);
        if (other->shape != tensor.shape) {
            refuse("Tensor " + quote(tensor.name) + " has shape " + tensor.shape_text() + " in " + a + ", " +
                   other->shape_text() + " in " + b + ".", tensor.name);
        }
    }
    for (const auto & tensor : tuned.tensors()) {
        if (!base.find_tensor(tensor.name)) {
            refuse("Tensor " + quote(tensor.name) + " of " + b + " is missing in " + a + ".", tensor.name);
        }
    }
}

ExtractResult extract(const ExtractOptions & options, Progress & progress) { return Extractor(options, progress).run(); }

}  // namespace temperament
