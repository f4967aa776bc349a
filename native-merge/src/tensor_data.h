// Reading stretches of tensors as finite float32, whatever they are stored as: model tensors, and the changes that a
// personality vector makes to them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ggml.h>

#include "gguf.h"
#include "kernels.h"

namespace temperament {

// Stretches start at multiples of this (a multiple of every block size and of SUM_BLOCK).
constexpr uint64_t STRETCH_UNIT = 4096;

// Entries [first, first + count) of a tensor. first is a multiple of STRETCH_UNIT; the stretch ends at one or at the
// tensor's end. raw: scratch, grown as needed. Throws not_finite, naming file and tensor, and what reading throws.
void read_entries(const GgufFile & file, const GgufTensor & tensor, uint64_t first, size_t count, float * out,
                  std::vector<uint8_t> & raw);

// Computing goes in parts of a stretch, so that what is computed stays in the first-level cache.
constexpr size_t STRETCH_PART = 1024;

// A stretch as it is stored: where its file is mapped, there, else in a buffer.
struct StoredBytes {
    const uint8_t * data = nullptr;
    std::vector<uint8_t> buffer;
};

// The same in two steps: the stored bytes, then part of them, `count` entries from entry `at` of those bytes, in `out`. Who
// uses this must have the file check_whole() before the result counts.
void load_entries(const GgufFile & file, const GgufTensor & tensor, uint64_t first, size_t count, StoredBytes & raw);
void decode_entries(const GgufFile & file, const GgufTensor & tensor, const StoredBytes & raw, size_t at, size_t count,
                    float * out);

// Asks the memory for that part ahead of its use.
void prefetch_entries(const GgufTensor & tensor, const StoredBytes & raw, size_t at, size_t count);

// The same part as it is stored, to be read only, where that is F32, F16 or BF16, else dequantised into `out`. Not checked to
// be finite.
Stored stored_entries(const GgufTensor & tensor, const StoredBytes & raw, size_t at, size_t count, float * out);

// Throws not_finite where part of a file is not.
void check_finite(const GgufFile & file, const GgufTensor & tensor, const Stored & values, size_t count);
[[noreturn]] void throw_not_finite(const GgufFile & file, const GgufTensor & tensor);
[[noreturn]] void throw_not_finite(const std::string & file, const std::string & tensor, const std::string & what);

// How a vector changes one tensor: by a dense delta, or by scale * (B A).
struct Delta {
    const GgufTensor * dense = nullptr;
    const GgufTensor * a = nullptr;  // [columns, rank]; flipped: [rank, rows]
    const GgufTensor * b = nullptr;  // [rank, rows];    flipped: [rank, columns]
    // llama.cpp keeps the pair of token_embd.weight the other way round (llama-adapter.cpp).
    bool flipped = false;

    uint64_t rank() const { return b->shape[0]; }
};

// A personality vector, or a LoRA adapter in llama.cpp's format.
class VectorFile {
public:
    // Throws 'mismatch' when the file is a model or its factors do not pair up.
    explicit VectorFile(const std::string & path);

    const GgufFile & file() const { return file_; }
    bool is_low_rank() const { return low_rank_; }
    // Factor in front of B A: adapter.lora.alpha / rank, or 1 without alpha, as llama.cpp has it.
    float scale(const Delta & delta) const;
    // By the name of the base tensor.
    const std::map<std::string, Delta> & deltas() const { return deltas_; }
    // Tensors of an adapter that llama.cpp passes over ("..._norm.weight").
    const std::vector<std::string> & ignored() const { return ignored_; }

    // Throws 'mismatch' unless architecture, names and shapes fit the base.
    void check_against(const GgufFile & base) const;

private:
    GgufFile file_;
    bool low_rank_ = false;
    float alpha_ = 0;
    std::map<std::string, Delta> deltas_;
    std::vector<std::string> ignored_;
};

// Is this file a LoRA adapter?
bool is_adapter(const GgufFile & file);

// A stretch as it was loaded: stored bytes, or for low rank the multiplied-out floats.
struct LoadedStretch {
    StoredBytes bytes;
    std::vector<float> floats;
};

// Entries [first, first + count) of scale * B A, summed over k in order, in float32. a is rank x columns, b rows x rank.
void multiply_out(const std::vector<float> & a, const std::vector<float> & b, size_t rank, float scale, uint64_t columns,
                  uint64_t first, size_t count, float * out);

// One tensor's delta, ready to be read in stretches by several threads.
class DeltaReader {
public:
    // Loads the factors of a low-rank delta (rank x (rows + columns) floats).
    DeltaReader(const VectorFile & vector, const Delta & delta, const GgufTensor & base);

    // The factors of a low-rank one (empty for a dense one): a is rank x columns, b is rows x rank; and what to multiply
    // their product by.
    const std::vector<float> & a() const { return a_; }
    const std::vector<float> & b() const { return b_; }
    uint64_t rank() const { return delta_.rank(); }
    float scale() const { return vector_.scale(delta_); }

    // Entries [first, first + count), placed as for read_entries. Low rank: scale * sum over k in order, in float32.
    void load(uint64_t first, size_t count, LoadedStretch & stretch) const;

    // Part of a loaded stretch as finite float32, from entry `at` of it (a multiple of STRETCH_PART): in `out`, or in
    // place where it was multiplied out. The caller may change the values.
    float * decode(LoadedStretch & stretch, size_t at, size_t count, float * out) const;

    // Asks the memory for the part ahead of its use.
    void prefetch(const LoadedStretch & stretch, size_t at, size_t count) const;

    // The same as it is stored, to be read only, not checked to be finite; check() does.
    Stored stored(LoadedStretch & stretch, size_t at, size_t count, float * out) const;
    void check(const Stored & values, size_t count) const;
    // Throws not_finite.
    [[noreturn]] void refuse() const;

    // The type of stored(), and whether its entries are 16-bit numbers.
    uint32_t stored_type() const;
    bool holds_halves() const { return stored_type() != GGML_TYPE_F32; }

private:
    const VectorFile & vector_;
    const Delta & delta_;
    uint64_t columns_ = 0;
    std::vector<float> a_;  // rank x columns
    std::vector<float> b_;  // rows x rank
};

}  // namespace temperament
