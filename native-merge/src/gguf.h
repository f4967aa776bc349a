// GGUF files: a reader that trusts nothing in the header, and a writer that keeps metadata byte for byte.
// Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little-endian).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "file.h"

namespace temperament {

enum class ValueType : uint32_t {
    Uint8, Int8, Uint16, Int16, Uint32, Int32, Float32, Bool, String, Array, Uint64, Int64, Float64,
};

// One metadata entry. `raw` holds the value exactly as the file has it: for a string its length and bytes, for an array
// its element type, count and elements.
struct MetadataEntry {
    std::string key;
    ValueType type;
    std::string raw;
};

struct GgufTensor {
    std::string name;
    uint32_t type;                // ggml_type
    std::vector<uint64_t> shape;  // ggml order, ne[0] first; 1 to 4 dimensions
    uint64_t offset;              // from the start of its part of the model: of the file, where that is not split
    uint64_t bytes;
    uint32_t part = 0;            // number of that part, from 0

    uint64_t entries() const;
    uint64_t row_length() const { return shape[0]; }
    uint64_t rows() const { return entries() / shape[0]; }
    std::string shape_text() const;  // "[2048, 512]"
};

// A GGUF file, or all parts of a split model ("name-00001-of-00003.gguf"), whichever part is named. Metadata is that of
// the first part, without the keys that number the parts; tensors are those of all parts, in order.
class GgufFile {
public:
    // Opens and checks: magic, version, types, counts, alignment, unique names, every tensor inside the file and clear
    // of the others, and that parts belong together. Throws not_gguf, truncated, corrupt, unsupported_type, bad_split or io.
    explicit GgufFile(const std::string & path);

    const std::string & path() const { return path_; }
    // Its files, in order; one unless the model is split.
    const std::vector<std::unique_ptr<InputFile>> & parts() const { return parts_; }
    // Bytes of all parts.
    uint64_t bytes() const;
    uint32_t version() const { return version_; }
    // Of the first part.
    uint64_t data_offset() const { return data_offset_; }
    const std::vector<MetadataEntry> & metadata() const { return metadata_; }
    const std::vector<GgufTensor> & tensors() const { return tensors_; }

    // Reads from a tensor's stored bytes, from byte `at` of them. May be called from several threads at once.
    void read(const GgufTensor & tensor, void * buffer, size_t bytes, uint64_t at) const;
    // The same where the file is mapped, else null; release() and check_whole() as for InputFile.
    const uint8_t * view(const GgufTensor & tensor, size_t bytes, uint64_t at) const;
    void release(const GgufTensor & tensor) const;
    void check_whole() const;
    // True when `other_path` is one of the parts, whatever its name.
    bool is_same_file(const std::string & other_path) const;

    const GgufTensor * find_tensor(const std::string & name) const;
    const MetadataEntry * find(const std::string & key) const;
    // Text of a string entry; empty when absent or of another type.
    std::string text(const std::string & key) const;
    // A float32 or float64 entry; fallback when absent or of another type.
    float number(const std::string & key, float fallback) const;

private:
    void open_parts(std::unique_ptr<InputFile> opened);
    void add_tensors(std::vector<GgufTensor> tensors, uint32_t part);

    std::string path_;
    std::vector<std::unique_ptr<InputFile>> parts_;
    uint32_t version_ = 0;
    uint64_t data_offset_ = 0;
    std::vector<MetadataEntry> metadata_;
    std::vector<GgufTensor> tensors_;
    std::unordered_map<std::string, size_t> tensor_index_;
    std::unordered_map<std::string, size_t> metadata_index_;
};

// The strings of a raw string array (tokenizer.ggml.tokens), as views into it; empty when it is no array of strings.
std::vector<std::string_view> string_array(const MetadataEntry & entry);

// An entry's whole number of 0 or more, whatever its type; fallback when it is none.
int64_t whole_number(const MetadataEntry & entry, int64_t fallback);

// Entries for the writer.
MetadataEntry make_text(std::string key, std::string_view value);
MetadataEntry make_uint32(std::string key, uint32_t value);
MetadataEntry make_int64(std::string key, int64_t value);
MetadataEntry make_uint64(std::string key, uint64_t value);
MetadataEntry make_float32(std::string key, float value);
MetadataEntry make_float64(std::string key, double value);
MetadataEntry make_bool(std::string key, bool value);
MetadataEntry make_texts(std::string key, const std::vector<std::string> & values);
// An array of numbers of `bytes` bytes each.
MetadataEntry make_array(std::string key, ValueType element, const void * values, uint64_t count, size_t bytes);

// Replaces the entry of the same key in place, or appends.
void set_entry(std::vector<MetadataEntry> & entries, MetadataEntry entry);

// Bytes of so many entries of this type; entries is a multiple of its block size.
uint64_t entry_bytes(uint32_t type, uint64_t entries);

// Bytes of a tensor of this type and shape.
uint64_t tensor_bytes(uint32_t type, const std::vector<uint64_t> & shape);

// Plans a file: the header's bytes, each tensor's place, the total size. Tensors keep their order.
struct GgufLayout {
    std::string header;            // everything before the data, padded
    std::vector<uint64_t> offsets; // of each tensor, from the start of the file
    uint64_t total_bytes;
};
// tensors: name, type and shape are used. The alignment is general.alignment of `metadata`, else 32.
GgufLayout plan_gguf(const std::vector<MetadataEntry> & metadata, const std::vector<GgufTensor> & tensors);

}  // namespace temperament
