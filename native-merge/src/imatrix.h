// Importance matrices in the GGUF format that llama-imatrix writes: for every matrix of a model, how strongly each column
// was used on some text, so that quantisation can spare the columns that matter.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "gguf.h"

namespace temperament {

class Imatrix {
public:
    // Throws mismatch when the file is no importance matrix, not_finite, and what reading a GGUF file throws.
    explicit Imatrix(const std::string & path);

    // Throws mismatch unless it was made for a model of these tensors.
    void check_against(const std::vector<GgufTensor> & tensors) const;

    // Mean of the squared inputs, row length values for each expert of the tensor; null when the file has none for it.
    const float * find(const GgufTensor & tensor) const;

    // By tensor name.
    const std::map<std::string, std::vector<float>> & entries() const { return entries_; }

    // The entries that llama-quantize puts into a file it made with this one: file name, text, number of entries and chunks.
    std::vector<MetadataEntry> metadata() const;

private:
    std::string path_;
    std::string dataset_;
    uint32_t chunks_ = 0;
    std::map<std::string, std::vector<float>> entries_;
};

}  // namespace temperament
