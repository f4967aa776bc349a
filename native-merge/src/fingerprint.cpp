// Fingerprints; tensors are hashed in parallel.
#include "fingerprint.h"

#include <algorithm>
#include <vector>

#include "ggml_library.h"
#include "sha256.h"

namespace temperament {

namespace {

// The dimensions that fine-tunes of one backbone share, whatever tool wrote the file. Context length and rope scaling
// are left out: a fine-tune may change them, and a vector still fits.
const char * const backbone_fields[] = {
    "block_count",          "embedding_length",  "feed_forward_length", "attention.head_count",
    "attention.head_count_kv", "attention.key_length", "attention.value_length", "rope.dimension_count", "expert_count",
};

std::vector<const GgufTensor *> sorted_tensors(const GgufFile & file) {
    std::vector<const GgufTensor *> tensors;
    for (const auto & tensor : file.tensors()) tensors.push_back(&tensor);
    std::sort(tensors.begin(), tensors.end(), [](auto * a, auto * b) { return a->name < b->name; });
    return tensors;
}

void update_shape(Sha256 & hash, const GgufTensor & tensor) {
    hash.update_field(tensor.name);
    hash.update_number(tensor.shape.size());
    for (uint64_t n : tensor.shape) hash.update_number(n);
}

std::string backbone_hash(const GgufFile & file) {
    Sha256 hash;
    const std::string architecture = file.text("general.architecture");
    hash.update_field("temperament backbone 1");
    hash.update_field(architecture);
    for (const char * field : backbone_fields) {
        const MetadataEntry * entry = file.find(architecture + "." + field);
        hash.update_field(field);
        hash.update_field(entry ? entry->raw : std::string());
    }
    const MetadataEntry * tokens = file.find("tokenizer.ggml.tokens");
    hash.update_field(tokens ? tokens->raw : std::string());
    for (const GgufTensor * tensor : sorted_tensors(file)) update_shape(hash, *tensor);
    return to_hex(hash.digest());
}

}  // namespace

Fingerprint fingerprint(const std::string & path, unsigned threads, Progress & progress) {
    const GgufFile file(path);
    const auto tensors = sorted_tensors(file);
    for (const GgufTensor * tensor : tensors) progress.total += tensor->bytes;
    ThreadPool pool(thread_count(threads));
    std::vector<std::array<uint8_t, 32>> digests(tensors.size());
    std::vector<std::vector<uint8_t>> buffers(pool.size());
    // Large tensors first, so that the threads finish together.
    std::vector<size_t> order(tensors.size());
    for (size_t i = 0; i < order.size(); i++) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return tensors[a]->bytes > tensors[b]->bytes; });
    pool.run(order.size(), [&](size_t piece, unsigned worker) {
        const GgufTensor & tensor = *tensors[order[piece]];
        progress.set_tensor(tensor.name);
        constexpr uint64_t PIECE = 1 << 18;
        auto & buffer = buffers[worker];
        buffer.resize(PIECE);
        Sha256 hash;
        for (uint64_t at = 0; at < tensor.bytes; at += PIECE) {
            progress.check();
            const size_t bytes = size_t(std::min(PIECE, tensor.bytes - at));
            file.read(tensor, buffer.data(), bytes, at);
            hash.update(buffer.data(), bytes);
            progress.advance(bytes);
        }
        digests[order[piece]] = hash.digest();
    });
    Sha256 content;
    content.update_field("temperament content 1");
    for (size_t i = 0; i < tensors.size(); i++) {
        update_shape(content, *tensors[i]);
        content.update_field(type_name(tensors[i]->type));
        content.update(digests[i].data(), digests[i].size());
    }
    progress.finish();
    return {backbone_hash(file), to_hex(content.digest())};
}

}  // namespace temperament
