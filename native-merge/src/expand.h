// From a LoRA adapter to a dense vector: delta = scale * B A, multiplied out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gguf.h"
#include "parallel.h"

namespace temperament {

struct ExpandOptions {
    std::string adapter;
    std::string out;
    uint32_t type;  // ggml_type of the vector: F32, F16 or BF16
    std::vector<MetadataEntry> metadata;
    unsigned threads = 0;
};

struct ExpandResult {
    uint64_t tensors;
    uint64_t bytes;
    double seconds;
};

ExpandResult expand(const ExpandOptions & options, Progress & progress);

}  // namespace temperament
