// Making a GGUF file of stretches of other files: tensors are copied, rounded to the type that is asked for and, where
// llama.cpp orders or scales them otherwise than their source does, rearranged.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gguf.h"
#include "parallel.h"

namespace temperament {

struct AssembledTensor {
    GgufTensor target;          // name, shape and type (F32, F16 or BF16)
    std::string path;           // the file that holds its numbers; empty where they are in `values`
    uint32_t type;              // of the numbers there: F32, F16 or BF16
    uint64_t offset = 0;        // where they begin, in bytes
    std::vector<float> values;  // the numbers themselves, for small tensors that no file holds
    // Where not 0: the rows belong to so many heads. Those of a head come as two halves, whose rows are stored by turns:
    // row 2j + t of a head of d rows is row t * d/2 + j of the source.
    uint64_t heads = 0;
    float scale = 1.0f;         // stored is scale * x + shift
    float shift = 0.0f;
};

struct AssembleOptions {
    std::string out;
    std::vector<MetadataEntry> metadata;
    std::vector<AssembledTensor> tensors;
    unsigned threads = 0;
};

struct AssembleResult {
    uint64_t bytes;
    double seconds;
};

// Throws truncated, mismatch, not_finite, invalid_argument, no_space, io or cancelled.
AssembleResult assemble(const AssembleOptions & options, Progress & progress);

}  // namespace temperament
