// From a dense vector to a LoRA adapter: truncated singular value decomposition, METHOD.md section 6.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "device.h"
#include "gguf.h"
#include "parallel.h"

namespace temperament {

struct FactorizeOptions {
    std::string vector;  // a dense personality vector
    std::string out;
    uint32_t type;       // ggml_type of the factors: F32, F16 or BF16
    uint64_t rank = 0;   // at most this many; 0: no limit
    double energy = 0;   // smallest rank that keeps this share of the squared norm; 0: as many as `rank` allows
    uint64_t seed = 0;   // of the random start
    // Also token_embd.weight. llama.cpp aborts on such an adapter when the model's output layer is its embedding.
    bool embeddings = false;
    std::vector<MetadataEntry> metadata;
    unsigned threads = 0;
    std::string device = "cpu";  // "cpu", the name of a device that computes, or "auto"
};

struct FactoredLayer {
    std::string tensor;
    uint64_t rank;  // 0: not in the adapter
    double energy;  // share of this tensor's squared norm that the adapter keeps
    double share;   // this tensor's share of the whole vector's squared norm
};

struct FactorizeResult {
    std::vector<FactoredLayer> layers;
    double energy;  // share of the whole vector's squared norm that the adapter keeps
    uint64_t bytes;
    double seconds;
    DeviceUse device;  // without rates
};

FactorizeResult factorize(const FactorizeOptions & options, Progress & progress);

}  // namespace temperament
