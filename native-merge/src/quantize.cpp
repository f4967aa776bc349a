// Asking llama.cpp for the types, and quantising rows through ggml.
#include "quantize.h"

#include <llama.h>

#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "error.h"
#include "ggml_library.h"

namespace temperament {

namespace {

struct Mix {
    const char * name;
    llama_ftype ftype;
};

// As llama-quantize names them. Left out: what it makes for ternary and natively four-bit models only.
const Mix mixes[] = {
    {"q4_0", LLAMA_FTYPE_MOSTLY_Q4_0},       {"q4_1", LLAMA_FTYPE_MOSTLY_Q4_1},       {"q5_0", LLAMA_FTYPE_MOSTLY_Q5_0},
    {"q5_1", LLAMA_FTYPE_MOSTLY_Q5_1},       {"q2_k", LLAMA_FTYPE_MOSTLY_Q2_K},       {"q2_k_s", LLAMA_FTYPE_MOSTLY_Q2_K_S},
    {"q3_k_s", LLAMA_FTYPE_MOSTLY_Q3_K_S},   {"q3_k_m", LLAMA_FTYPE_MOSTLY_Q3_K_M},   {"q3_k_l", LLAMA_FTYPE_MOSTLY_Q3_K_L},
    {"q4_k_s", LLAMA_FTYPE_MOSTLY_Q4_K_S},   {"q4_k_m", LLAMA_FTYPE_MOSTLY_Q4_K_M},   {"q5_k_s", LLAMA_FTYPE_MOSTLY_Q5_K_S},
    {"q5_k_m", LLAMA_FTYPE_MOSTLY_Q5_K_M},   {"q6_k", LLAMA_FTYPE_MOSTLY_Q6_K},       {"iq1_s", LLAMA_FTYPE_MOSTLY_IQ1_S},
    {"iq1_m", LLAMA_FTYPE_MOSTLY_IQ1_M},     {"iq2_xxs", LLAMA_FTYPE_MOSTLY_IQ2_XXS}, {"iq2_xs", LLAMA_FTYPE_MOSTLY_IQ2_XS},
    {"iq2_s", LLAMA_FTYPE_MOSTLY_IQ2_S},     {"iq2_m", LLAMA_FTYPE_MOSTLY_IQ2_M},     {"iq3_xxs", LLAMA_FTYPE_MOSTLY_IQ3_XXS},
    {"iq3_xs", LLAMA_FTYPE_MOSTLY_IQ3_XS},   {"iq3_s", LLAMA_FTYPE_MOSTLY_IQ3_S},     {"iq3_m", LLAMA_FTYPE_MOSTLY_IQ3_M},
    {"iq4_nl", LLAMA_FTYPE_MOSTLY_IQ4_NL},   {"iq4_xs", LLAMA_FTYPE_MOSTLY_IQ4_XS},
};

// Entries quantised between two looks at whether the job was cancelled: a fraction of a second with the slowest type.
constexpr uint64_t PIECE_ENTRIES = 1 << 16;

std::string trimmed(const std::string & text) {
    const size_t first = text.find_first_not_of(" \n"), last = text.find_last_not_of(" \n");
    return first == std::string::npos ? std::string() : text.substr(first, last - first + 1);
}

// What the quantiser says of its plan. It has no other way to tell: one message opens with a tensor's name, the next
// gives its sizes and, where it would convert, the type in brackets at the end.
class PlanLog {
public:
    struct Line {
        std::string tensor;
        std::string type;  // empty: stays as it is
    };

    static void hear(ggml_log_level level, const char * text, void * log) {
        static_cast<PlanLog *>(log)->add(level, text);
    }

    std::vector<Line> lines;
    std::vector<std::string> fallbacks;  // names of tensors
    std::string error;

private:
    void add(ggml_log_level level, const std::string & text) {
        if (level == GGML_LOG_LEVEL_ERROR) error = trimmed(text);
        const size_t name = text.find("] "), shape = text.find(" - [");
        if (text[0] == '[' && name != std::string::npos && shape != std::string::npos && name < shape) {
            lines.push_back({trimmed(text.substr(name + 2, shape - name - 2)), ""});
        } else if (text.rfind("size = ", 0) == 0 && !lines.empty()) {
            const size_t open = text.rfind('('), close = text.rfind(')');
            if (open != std::string::npos && close != std::string::npos && open < close) {
                lines.back().type = text.substr(open + 1, close - open - 1);
            }
        } else if (const size_t columns = text.find(" - ncols "); text.rfind("warning: ", 0) == 0 && columns != std::string::npos) {
            fallbacks.push_back(trimmed(text.substr(9, columns - 9)));
        }
    }
};

uint32_t type_by_name(const std::string & name) {
    for (uint32_t type = 0; type < GGML_TYPE_COUNT; type++) {
        if (is_known_type(type) && name == ggml().ggml_type_name(ggml_type(type))) return type;
    }
    return GGML_TYPE_COUNT;
}

// llama-quant.cpp, tensor_requires_imatrix: below this the result would be garbage.
bool requires_imatrix(const std::string & tensor, uint32_t type, int32_t mix) {
    if (ggml().ggml_quantize_requires_imatrix(ggml_type(type))) return true;
    if (tensor == "token_embd.weight" || tensor == "per_layer_token_embd.weight" || tensor == "output.weight") return false;
    switch (type) {
        case GGML_TYPE_IQ3_XXS: case GGML_TYPE_IQ2_XXS: case GGML_TYPE_IQ2_XS: case GGML_TYPE_IQ2_S: case GGML_TYPE_IQ1_M:
        case GGML_TYPE_IQ1_S: return true;
        case GGML_TYPE_Q2_K: return mix == LLAMA_FTYPE_MOSTLY_Q2_K_S;
        default: return false;
    }
}

const char * mix_name(int32_t mix) {
    for (const auto & known : mixes) {
        if (known.ftype == mix) return known.name;
    }
    return "?";
}

}  // namespace

int32_t mix_by_name(const std::string & name) {
    for (const auto & known : mixes) {
        if (name == known.name) return known.ftype;
    }
    return -1;
}

Quantizer::Quantizer(const std::string & path, int32_t mix, const std::string & imatrix,
                     const std::vector<MetadataEntry> & metadata, const std::vector<GgufTensor> & tensors)
    : mix_(mix) {
    if (!imatrix.empty()) {
        imatrix_ = std::make_unique<Imatrix>(imatrix);
        imatrix_->check_against(tensors);
    }
    ask_llama(path, metadata, tensors);
    for (size_t i = 0; i < tensors.size(); i++) {
        if (!requires_imatrix(tensors[i].name, types_[i], mix) || (imatrix_ && imatrix_->find(tensors[i]))) continue;
        throw MergeError("invalid_argument",
                         std::string(mix_name(mix)) + " needs an importance matrix: '" + tensors[i].name + "' is stored as " +
                             type_name(types_[i]) + ", and " + (imatrix_ ? imatrix + " has nothing for it" : "none was given") +
                             ". Make one with llama-imatrix, or choose a larger type.", imatrix, tensors[i].name);
    }
}

void Quantizer::ask_llama(const std::string & path, const std::vector<MetadataEntry> & metadata,
                          const std::vector<GgufTensor> & tensors) {
    std::unordered_map<std::string, size_t> positions;
    for (size_t i = 0; i < tensors.size(); i++) {
        types_.push_back(tensors[i].type);
        positions.emplace(tensors[i].name, i);
    }
    const GgufLayout layout = plan_gguf(metadata, tensors);
    const SparseFile model(layout.header, layout.total_bytes);

    std::vector<llama_model_imatrix_data> importance;
    if (imatrix_) {
        for (const auto & [name, values] : imatrix_->entries()) importance.push_back({name.c_str(), values.data(), values.size()});
        importance.push_back({nullptr, nullptr, 0});
    }
    llama_model_quantize_params params = llama().llama_model_quantize_default_params();
    params.ftype = llama_ftype(mix_);
    params.nthread = 1;
    params.allow_requantize = true;
    params.dry_run = true;
    params.imatrix = imatrix_ ? importance.data() : nullptr;

    PlanLog log;
    uint32_t failed;
    {
        static std::mutex one_at_a_time;  // the log is one for the whole process
        std::lock_guard lock(one_at_a_time);
        llama().llama_log_set(PlanLog::hear, &log);
        failed = llama().llama_model_quantize(model.path().c_str(), "", &params);
        llama().llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
    }
    const auto refuse = [&](const std::string & why) {
        throw MergeError("unsupported_type", "llama.cpp cannot quantise " + path + ": " + why +
                                                 ". Choose F32, F16, BF16 or Q8_0, which do without it.", path);
    };
    if (failed) refuse(log.error.empty() ? "it does not say why" : log.error);
    for (const auto & line : log.lines) {
        const auto found = positions.find(line.tensor);
        const uint32_t type = line.type.empty() ? 0 : type_by_name(line.type);
        if (found == positions.end() || type == GGML_TYPE_COUNT) refuse("its plan for '" + line.tensor + "' cannot be read");
        order_.push_back(found->second);
        if (!line.type.empty()) types_[found->second] = type;
        positions.erase(found);
    }
    if (!positions.empty()) refuse("its plan leaves out '" + positions.begin()->first + "'");
    for (const auto & name : log.fallbacks) {
        for (size_t i = 0; i < tensors.size(); i++) {
            if (tensors[i].name == name) fallbacks_.push_back(i);
        }
    }
}

std::vector<MetadataEntry> Quantizer::metadata(std::vector<MetadataEntry> metadata) const {
    const auto put_last = [&](MetadataEntry entry) {
        std::erase_if(metadata, [&](const auto & existing) { return existing.key == entry.key; });
        metadata.push_back(std::move(entry));
    };
    put_last(make_uint32("general.quantization_version", GGML_QNT_VERSION));
    put_last(make_uint32("general.file_type", uint32_t(mix_)));
    if (imatrix_) {
        for (auto & entry : imatrix_->metadata()) put_last(std::move(entry));
    }
    return metadata;
}

void Quantizer::write(const OutputFile & floats, const GgufTensor & target, ThreadPool & pool, Progress & progress,
                      OutputFile & out) const {
    const auto type = ggml_type(target.type);
    const uint64_t columns = target.row_length(), rows = target.rows();
    const uint64_t rows_per_expert = target.shape.size() > 1 ? target.shape[1] : 1;
    const uint64_t row_bytes = entry_bytes(target.type, columns);
    const float * importance = imatrix_ ? imatrix_->find(target) : nullptr;
    const uint64_t rows_per_piece = std::max<uint64_t>(1, PIECE_ENTRIES / columns);
    struct Buffers {
        std::vector<float> values;
        std::vector<uint8_t> stored;
    };
    std::vector<Buffers> buffers(pool.size());
    pool.run(size_t((rows + rows_per_piece - 1) / rows_per_piece), [&](size_t piece, unsigned worker) {
        progress.check();
        const uint64_t first = piece * rows_per_piece, count = std::min(rows_per_piece, rows - first);
        Buffers & own = buffers[worker];
        own.values.resize(size_t(count * columns));
        own.stored.resize(size_t(count * row_bytes));
        floats.read(own.values.data(), own.values.size() * sizeof(float), first * columns * sizeof(float));
        // Every expert has its own importances.
        for (uint64_t done = 0; done < count;) {
            const uint64_t row = first + done;
            const uint64_t part = std::min(count - done, rows_per_expert - row % rows_per_expert);
            ggml().ggml_quantize_chunk(type, own.values.data() + done * columns, own.stored.data() + done * row_bytes, 0,
                                       int64_t(part), int64_t(columns),
                                       importance ? importance + row / rows_per_expert * columns : nullptr);
            done += part;
        }
        if (!ggml().ggml_validate_row_data(type, own.stored.data(), own.stored.size())) {
            throw MergeError("not_finite", "Tensor '" + target.name + "' would hold values too large for " +
                                               type_name(target.type) + "; use smaller weights, or F32 or BF16.", "",
                             target.name);
        }
        out.write(own.stored.data(), own.stored.size(), target.offset + first * row_bytes);
        progress.advance(own.values.size() * sizeof(float) * QUANTIZING_WORK);
    });
}

}  // namespace temperament
