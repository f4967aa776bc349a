// Files as llama-quantize makes them: llama.cpp itself says which type every tensor gets (a dry run of its quantiser on the
// header alone), ggml's own quantisation makes the rows. So a file has the bytes that llama-quantize makes of the same
// float32 model, and yet is written tensor by tensor, can be stopped at any time and needs no copy of the model.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gguf.h"
#include "imatrix.h"
#include "parallel.h"

namespace temperament {

// llama_ftype of a mix of types by its name in lower case ("q4_k_m"); -1 for other names.
int32_t mix_by_name(const std::string & name);

// Work of quantising, in multiples of that of mixing the same float32 entries once: what progress counts it as.
constexpr uint64_t QUANTIZING_WORK = 8;

class Quantizer {
public:
    // path: of the model, for messages. metadata, tensors: those of the file in float32. imatrix: path, empty for none.
    // Throws unsupported_type when llama.cpp refuses the model, invalid_argument when a tensor needs an importance matrix
    // and has none, and what Imatrix throws.
    Quantizer(const std::string & path, int32_t mix, const std::string & imatrix,
              const std::vector<MetadataEntry> & metadata, const std::vector<GgufTensor> & tensors);

    // Type of each tensor, in the order given.
    const std::vector<uint32_t> & types() const { return types_; }
    // In which llama.cpp writes the tensors: positions in the order given.
    const std::vector<size_t> & order() const { return order_; }
    // Positions of tensors whose rows the mix's own type cannot hold, so that they get another.
    const std::vector<size_t> & fallbacks() const { return fallbacks_; }
    // The metadata that llama-quantize makes of that of the float32 file.
    std::vector<MetadataEntry> metadata(std::vector<MetadataEntry> metadata) const;

    // Quantises a tensor's float32 entries, which lie at the start of `floats`, to its place in `out`.
    // Throws not_finite, cancelled and what writing throws.
    void write(const OutputFile & floats, const GgufTensor & target, ThreadPool & pool, Progress & progress,
               OutputFile & out) const;

private:
    void ask_llama(const std::string & path, const std::vector<MetadataEntry> & metadata,
                   const std::vector<GgufTensor> & tensors);

    int32_t mix_;
    std::unique_ptr<Imatrix> imatrix_;
    std::vector<uint32_t> types_;
    std::vector<size_t> order_;
    std::vector<size_t> fallbacks_;
};

}  // namespace temperament
