// Reading an importance matrix the way llama.cpp does (common/imatrix-loader.cpp, tools/quantize/quantize.cpp).
#include "imatrix.h"

#include <cmath>
#include <filesystem>

#include "error.h"
#include "ggml_library.h"
#include "tensor_data.h"

namespace temperament {

namespace {

bool cut_end(std::string & text, const std::string & end) {
    if (text.size() < end.size() || text.compare(text.size() - end.size(), end.size(), end) != 0) return false;
    text.resize(text.size() - end.size());
    return true;
}

std::vector<float> values_of(const GgufFile & file, const GgufTensor & tensor) {
    if (tensor.type != GGML_TYPE_F32) {
        throw MergeError("mismatch", file.path() + ": '" + tensor.name + "' is " + type_name(tensor.type) +
                                         "; importance matrices are F32.", file.path(), tensor.name);
    }
    std::vector<float> values(size_t(tensor.entries()));
    std::vector<uint8_t> raw;
    read_entries(file, tensor, 0, values.size(), values.data(), raw);
    return values;
}

uint64_t experts(const GgufTensor & tensor) { return tensor.shape.size() > 2 ? tensor.shape[2] : 1; }

GgufFile open_imatrix(const std::string & path) {
    try {
        return GgufFile(path);
    } catch (const MergeError & error) {
        if (std::string(error.code) != "not_gguf") throw;
        throw MergeError("not_gguf", path + " is not a GGUF file. An importance matrix in the older format becomes one with: "
                                            "llama-imatrix --in-file old.dat -o new.gguf", path);
    }
}

}  // namespace

Imatrix::Imatrix(const std::string & path) : path_(path) {
    const GgufFile file = open_imatrix(path);
    const MetadataEntry * datasets = file.find("imatrix.datasets");
    const MetadataEntry * chunks = file.find("imatrix.chunk_count");
    if (file.text("general.type") != "imatrix" || !datasets || !chunks || !file.find("imatrix.chunk_size") ||
        file.tensors().empty()) {
        throw MergeError("mismatch", path + " is no importance matrix. Make one with llama-imatrix.", path);
    }
    if (const auto names = string_array(*datasets); !names.empty()) dataset_ = names[0];
    chunks_ = uint32_t(whole_number(*chunks, 0));
    std::map<std::string, const GgufTensor *> sums, counts;
    for (const auto & tensor : file.tensors()) {
        std::string name = tensor.name;
        if (cut_end(name, ".in_sum2")) {
            sums[name] = &tensor;
        } else if (cut_end(name, ".counts")) {
            counts[name] = &tensor;
        }
    }
    for (const auto & [name, tensor] : sums) {
        const auto found = counts.find(name);
        if (found == counts.end() || tensor->entries() % found->second->entries() != 0) {
            throw MergeError("mismatch", path + ": the counts of '" + name + "' are missing or do not fit. "
                                                "Make the importance matrix again.", path, name);
        }
        std::vector<float> values = values_of(file, *tensor);
        const std::vector<float> times = values_of(file, *found->second);
        const size_t row = values.size() / times.size();
        for (size_t j = 0; j < times.size(); j++) {
            const float count = float(std::lround(times[j]));
            for (size_t i = 0; i < row; i++) values[j * row + i] = count > 0 ? values[j * row + i] / count : 1.0f;
        }
        entries_.emplace(name, std::move(values));
    }
}

void Imatrix::check_against(const std::vector<GgufTensor> & tensors) const {
    size_t known = 0;
    for (const auto & tensor : tensors) {
        const auto found = entries_.find(tensor.name);
        if (found == entries_.end()) continue;
        known++;
        // llama-imatrix may have one of another size for the token embeddings, which llama.cpp passes over.
        if (tensor.name == "token_embd.weight") continue;
        if (found->second.size() != tensor.row_length() * experts(tensor)) {
            throw MergeError("mismatch", path_ + " has " + std::to_string(found->second.size()) + " values for '" +
                                             tensor.name + "', whose shape is " + tensor.shape_text() +
                                             ". Use the importance matrix of this model.", path_, tensor.name);
        }
    }
    if (known == 0) {
        throw MergeError("mismatch", path_ + " was made for another model: none of its tensors is in this one. "
                                             "Use the importance matrix of this model.", path_);
    }
}

const float * Imatrix::find(const GgufTensor & tensor) const {
    const auto found = entries_.find(tensor.name);
    if (found == entries_.end() || found->second.size() != tensor.row_length() * experts(tensor)) return nullptr;
    return found->second.data();
}

std::vector<MetadataEntry> Imatrix::metadata() const {
    // llama.cpp's overrides hold 127 bytes of text.
    const auto name = std::filesystem::path(reinterpret_cast<const char8_t *>(path_.c_str())).filename().u8string();
    const std::string file(reinterpret_cast<const char *>(name.data()), name.size());
    std::vector<MetadataEntry> metadata;
    metadata.push_back(make_text("quantize.imatrix.file", file.substr(0, 127)));
    if (!dataset_.empty()) metadata.push_back(make_text("quantize.imatrix.dataset", dataset_.substr(0, 127)));
    metadata.push_back(make_uint32("quantize.imatrix.entries_count", uint32_t(entries_.size())));
    if (chunks_ > 0) metadata.push_back(make_uint32("quantize.imatrix.chunks_count", chunks_));
    return metadata;
}

}  // namespace temperament
