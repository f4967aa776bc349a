// Mixing personality vectors into a model and writing the result: METHOD.md section 3.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gguf.h"
#include "parallel.h"

namespace temperament {

enum class Sparsify { None, Magnitude, Random };
enum class Consensus { None, Sign };
enum class Rescale { None, Density, L1 };

// A merge method is a choice from these four; the named ones are in method_by_name.
struct Method {
    Sparsify sparsify;
    Consensus consensus;
    bool normalize;
    Rescale rescale;
};

// task_arithmetic, dare_linear, ties with the defaults of METHOD.md. Throws invalid_argument.
Method method_by_name(const std::string & name);

struct BakeVector {
    std::string path;
    std::string id;
    float weight;
    double density;  // share of entries kept, in (0, 1]
};

struct BakeOptions {
    std::string base;
    std::string out;
    uint32_t type;  // ggml_type of the matrices: F32, F16, BF16 or Q8_0
    Method method;
    std::vector<BakeVector> vectors;
    float lambda = 1;
    uint64_t seed = 0;
    std::vector<MetadataEntry> metadata;  // added to the base's
    unsigned threads = 0;                 // 0: all
    uint64_t stretch = 0;                 // entries at a time, a multiple of STRETCH_UNIT; 0: default
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
    std::vector<Note> notes;
};

BakeResult bake(const BakeOptions & options, Progress & progress);

}  // namespace temperament
