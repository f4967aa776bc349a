// Mixing personality vectors into a model and writing the result: METHOD.md section 3.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "device.h"
#include "gguf.h"
#include "method.h"
#include "parallel.h"
#include "weights.h"

namespace temperament {

struct BakeVector {
    std::string path;
    std::string id;
    WeightPoints weight;
    std::vector<WeightRule> rules;  // weights by tensor name, ahead of `weight`
    double density;                 // share of entries kept, in (0, 1]
};

// What a threshold is taken over.
enum class TrimScope { Tensor, Vector };

struct BakeOptions {
    std::string base;
    std::string out;
    uint32_t type;  // ggml_type of the matrices: F32, F16, BF16 or Q8_0; F32 where `mix` says more
    int32_t mix = -1;     // llama_ftype of a mix of quantised types (quantize.h); -1: none
    std::string imatrix;  // path of an importance matrix for it; empty: none
    Method method;
    bool normalize = false;
    Rescale rescale = Rescale::None;
    std::vector<BakeVector> vectors;
    float lambda = 1;
    uint64_t seed = 0;
    double gamma = 0;            // share of the largest entries that breadcrumbs drops, in [0, 1)
    double epsilon = 0;          // half the spread of DELLA's probabilities; density - epsilon > 0, density + epsilon < 1
    double select_topk = 1;      // share of the most varying entries that SCE keeps, in (0, 1]
    double rank_share = 1;       // share of each vector's singular directions that TSV-M keeps, in (0, 1]
    TrimScope trim = TrimScope::Tensor;  // Sparsify::Magnitude
    bool unweighted = false;     // Consensus::Sign: one vector, one vote
    bool embeddings = true;      // whether vectors act on embeddings,
    bool output_head = true;     // and on the output layer
    std::vector<MetadataEntry> metadata;  // added to the base's
    unsigned threads = 0;                 // 0: all
    uint64_t stretch = 0;                 // entries at a time, a multiple of STRETCH_UNIT; 0: default
    std::string device = "cpu";           // "cpu", the name of a device that can mix, or "auto"
};

struct Note {
    std::string code;  // see index.d.ts
    std::string tensor;
    std::string message;
};

struct BakeResult {
    uint64_t bytes;
    uint64_t tensors;
    uint64_t changed;      // tensors that a vector changed
    double seconds;        // all of it
    double flush_seconds;  // of which waiting for the disk at the end
    unsigned threads;
    DeviceUse device;
    std::vector<Note> notes;
};

BakeResult bake(const BakeOptions & options, Progress & progress);

}  // namespace temperament
