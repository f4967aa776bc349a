// Making a personality vector: phi = tuned - base, METHOD.md section 1.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gguf.h"
#include "parallel.h"

namespace temperament {

struct ExtractOptions {
    std::string base;
    std::string tuned;  // a model, or a LoRA adapter in llama.cpp's format
    std::string out;
    uint32_t type;      // ggml_type of a dense vector: F32, F16 or BF16
    std::vector<MetadataEntry> metadata;
    unsigned threads = 0;
};

struct LayerChange {
    std::string tensor;
    double norm;       // Euclidean norm of the change
    double base_norm;  // of the base tensor
};

struct ExtractResult {
    bool low_rank;
    std::vector<LayerChange> layers;  // in the base's order; unchanged tensors have norm 0
    double norm;
    double base_norm;
    uint64_t entries;  // numbers stored in the vector
    uint64_t bytes;
    double seconds;
};

ExtractResult extract(const ExtractOptions & options, Progress & progress);

// Throws 'mismatch' naming the first difference in architecture, vocabulary, tensor names or shapes.
void check_same_backbone(const GgufFile & base, const GgufFile & tuned);

}  // namespace temperament
