// GGUF header walk with bounds checked at every step, and header layout for writing.
#include "gguf.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "error.h"
#include "ggml_library.h"

namespace temperament {

namespace {

constexpr uint32_t DEFAULT_ALIGNMENT = 32;
// Limits that no real file comes near, so that a malformed one cannot ask for unbounded memory.
constexpr uint64_t MAX_NAME_BYTES = 65535;
constexpr uint64_t MAX_METADATA_BYTES = uint64_t(1) << 30;
constexpr uint64_t MAX_TENSORS = 1 << 20;
constexpr uint64_t MAX_ENTRIES = 1 << 20;
constexpr size_t MAX_TENSOR_NAME = 63;  // GGML_MAX_NAME - 1

// Bytes of a value of fixed size; 0 for strings and arrays.
size_t value_bytes(ValueType type) {
    switch (type) {
        case ValueType::Uint8: case ValueType::Int8: case ValueType::Bool: return 1;
        case ValueType::Uint16: case ValueType::Int16: return 2;
        case ValueType::Uint32: case ValueType::Int32: case ValueType::Float32: return 4;
        case ValueType::Uint64: case ValueType::Int64: case ValueType::Float64: return 8;
        case ValueType::String: case ValueType::Array: return 0;
    }
    return 0;
}

// Reads the header front to back through a window, never past the end of the file.
class HeaderReader {
public:
    explicit HeaderReader(const InputFile & file) : file_(file) {}

    uint64_t position() const { return position_; }
    uint64_t left() const { return file_.size() - position_; }

    void bytes(void * out, size_t count) {
        if (count > left()) truncated();
        auto * at = static_cast<char *>(out);
        while (count > 0) {
            if (position_ < window_start_ || position_ >= window_start_ + window_.size()) {
                const size_t take = size_t(std::min<uint64_t>(WINDOW, left()));
                window_.resize(take);
                file_.read(window_.data(), take, position_);
                window_start_ = position_;
            }
            const size_t from = size_t(position_ - window_start_);
            const size_t part = std::min(count, window_.size() - from);
            memcpy(at, window_.data() + from, part);
            at += part, position_ += part, count -= part;
        }
    }
    template <typename Number> Number number() {
        Number value;
        bytes(&value, sizeof value);
        return value;
    }
    std::string text(uint64_t limit, const char * what) {
        const auto length = number<uint64_t>();
        if (length > limit) corrupt(std::string(what) + " is " + std::to_string(length) + " bytes long");
        if (length > left()) truncated();
        std::string value(size_t(length), '\0');
        bytes(value.data(), value.size());
        return value;
    }
    // Appends the next `count` bytes to `raw`.
    void append(std::string & raw, uint64_t count) {
        if (count > left()) truncated();
        if (raw.size() + count > MAX_METADATA_BYTES) corrupt("a metadata value is larger than 1 GiB");
        const size_t old = raw.size();
        raw.resize(old + size_t(count));
        bytes(raw.data() + old, size_t(count));
    }
    void append_string(std::string & raw) {
        const size_t old = raw.size();
        append(raw, 8);
        uint64_t length;
        memcpy(&length, raw.data() + old, 8);
        if (length > MAX_METADATA_BYTES) corrupt("a metadata text is longer than 1 GiB");
        append(raw, length);
    }
    [[noreturn]] void truncated() const {
        throw MergeError("truncated", file_.path() + " ends inside its header (" + std::to_string(file_.size()) +
                                          " bytes). Copy or download it again.", file_.path());
    }
    [[noreturn]] void corrupt(const std::string & what, const std::string & tensor = {}) const {
        throw MergeError("corrupt", file_.path() + " is damaged: " + what + ". Copy or download it again.",
                         file_.path(), tensor);
    }

private:
    static constexpr size_t WINDOW = 1 << 20;
    const InputFile & file_;
    uint64_t position_ = 0;
    uint64_t window_start_ = 0;
    std::string window_;
};

void append_number(std::string & raw, const void * value, size_t bytes) {
    raw.append(static_cast<const char *>(value), bytes);
}
template <typename Number> MetadataEntry make_number(std::string key, ValueType type, Number value) {
    MetadataEntry entry{std::move(key), type, {}};
    append_number(entry.raw, &value, sizeof value);
    return entry;
}

uint64_t pad(uint64_t value, uint64_t alignment) { return (value + alignment - 1) / alignment * alignment; }

// Names come from the file and end up in messages.
std::string printable(const std::string & name) {
    std::string text;
    for (char c : name.substr(0, 100)) text += static_cast<unsigned char>(c) < 32 ? '?' : c;
    return "'" + text + "'";
}

}  // namespace

uint64_t GgufTensor::entries() const {
    uint64_t count = 1;
    for (uint64_t n : shape) count *= n;
    return count;
}

std::string GgufTensor::shape_text() const {
    std::string text = "[";
    for (size_t i = 0; i < shape.size(); i++) text += (i ? ", " : "") + std::to_string(shape[i]);
    return text + "]";
}

uint64_t tensor_bytes(uint32_t type, const std::vector<uint64_t> & shape) {
    uint64_t entries = 1;
    for (uint64_t n : shape) entries *= n;
    return entry_bytes(type, entries);
}

uint64_t entry_bytes(uint32_t type, uint64_t entries) {
    return entries / uint64_t(ggml().ggml_blck_size(ggml_type(type))) * ggml().ggml_type_size(ggml_type(type));
}

GgufFile::GgufFile(const std::string & path) : file_(path) { read_header(); }

void GgufFile::read_header() {
    HeaderReader in(file_);
    const std::string & path = file_.path();
    char magic[4] = {};
    if (file_.size() >= 4) in.bytes(magic, 4);
    if (memcmp(magic, "GGUF", 4) != 0) {
        throw MergeError("not_gguf", path + " is not a GGUF file" + (file_.size() == 0 ? " (it is empty)" : "") +
                                         ". Choose a file that ends in .gguf, or convert the model with llama.cpp.", path);
    }
    version_ = in.number<uint32_t>();
    if ((version_ & 0xFFFF) == 0 && version_ != 0) {
        throw MergeError("not_gguf", path + " is a big-endian GGUF file, which this program does not read.", path);
    }
    if (version_ != 2 && version_ != 3) {
        throw MergeError("not_gguf", path + " is GGUF version " + std::to_string(version_) +
                                         "; versions 2 and 3 can be read. Convert it with a current llama.cpp.", path);
    }
    const auto tensor_count = in.number<uint64_t>();
    const auto entry_count = in.number<uint64_t>();
    if (tensor_count > MAX_TENSORS) in.corrupt("it announces " + std::to_string(tensor_count) + " tensors");
    if (entry_count > MAX_ENTRIES) in.corrupt("it announces " + std::to_string(entry_count) + " metadata entries");

    uint64_t alignment = DEFAULT_ALIGNMENT;
    for (uint64_t i = 0; i < entry_count; i++) {
        MetadataEntry entry;
        entry.key = in.text(MAX_NAME_BYTES, "a metadata key");
        const auto type = in.number<uint32_t>();
        if (type > uint32_t(ValueType::Float64)) {
            in.corrupt("metadata " + printable(entry.key) + " has unknown type " + std::to_string(type));
        }
        entry.type = ValueType(type);
        if (entry.type == ValueType::String) {
            in.append_string(entry.raw);
        } else if (entry.type == ValueType::Array) {
            in.append(entry.raw, 12);
            uint32_t element;
            uint64_t count;
            memcpy(&element, entry.raw.data(), 4);
            memcpy(&count, entry.raw.data() + 4, 8);
            if (element > uint32_t(ValueType::Float64) || ValueType(element) == ValueType::Array) {
                in.corrupt("metadata array " + printable(entry.key) + " has element type " + std::to_string(element));
            }
            const size_t size = value_bytes(ValueType(element));
            // A string takes at least its eight bytes of length.
            if (count > in.left() / (size ? size : 8)) in.truncated();
            if (size) {
                in.append(entry.raw, count * size);
            } else {
                for (uint64_t k = 0; k < count; k++) in.append_string(entry.raw);
            }
        } else {
            in.append(entry.raw, value_bytes(entry.type));
        }
        if (!metadata_index_.emplace(entry.key, metadata_.size()).second) {
            in.corrupt("metadata " + printable(entry.key) + " appears twice");
        }
        if (entry.key == "general.alignment") {
            uint32_t value = 0;
            if (entry.type == ValueType::Uint32) memcpy(&value, entry.raw.data(), 4);
            if (value == 0 || (value & (value - 1)) != 0 || value > (1u << 24)) {
                in.corrupt("general.alignment is not a power of two");
            }
            alignment = value;
        }
        metadata_.push_back(std::move(entry));
    }
    // Split files hold a part of the tensors each.
    if (const MetadataEntry * split = find("split.count"); split && split->type == ValueType::Uint16) {
        uint16_t count;
        memcpy(&count, split->raw.data(), 2);
        if (count > 1) {
            throw MergeError("unsupported_type", path + " is one of " + std::to_string(count) +
                                                     " parts of a split model. Join them first with llama-gguf-split --merge.",
                             path);
        }
    }

    constexpr uint64_t max_size = uint64_t(std::numeric_limits<int64_t>::max());
    for (uint64_t i = 0; i < tensor_count; i++) {
        GgufTensor tensor;
        tensor.name = in.text(MAX_NAME_BYTES, "a tensor name");
        if (tensor.name.empty() || tensor.name.size() > MAX_TENSOR_NAME) {
            in.corrupt("tensor " + std::to_string(i) + " has a name of " + std::to_string(tensor.name.size()) + " bytes");
        }
        const std::string what = "tensor " + printable(tensor.name);
        const auto dimensions = in.number<uint32_t>();
        if (dimensions < 1 || dimensions > GGML_MAX_DIMS) {
            in.corrupt(what + " has " + std::to_string(dimensions) + " dimensions", tensor.name);
        }
        uint64_t entries = 1;
        for (uint32_t d = 0; d < dimensions; d++) {
            const auto n = in.number<uint64_t>();
            if (n == 0 || n > max_size / entries) {
                in.corrupt(what + " has an impossible shape (dimension " + std::to_string(n) + ")", tensor.name);
            }
            entries *= n;
            tensor.shape.push_back(n);
        }
        tensor.type = in.number<uint32_t>();
        const auto relative = in.number<uint64_t>();
        if (!is_known_type(tensor.type)) {
            throw MergeError("unsupported_type", path + ": " + what + " has type " + std::to_string(tensor.type) +
                                                     ", which this version of ggml does not know.", path, tensor.name);
        }
        const uint64_t block = uint64_t(ggml().ggml_blck_size(ggml_type(tensor.type)));
        const uint64_t block_bytes = ggml().ggml_type_size(ggml_type(tensor.type));
        if (tensor.shape[0] % block != 0) {
            in.corrupt(what + " has rows of " + std::to_string(tensor.shape[0]) + " entries, not a multiple of " +
                           std::to_string(block) + " as " + type_name(tensor.type) + " needs", tensor.name);
        }
        if (entries / block > max_size / block_bytes) in.corrupt(what + " has an impossible shape", tensor.name);
        tensor.bytes = entries / block * block_bytes;
        if (relative % alignment != 0) in.corrupt(what + " is not aligned", tensor.name);
        tensor.offset = relative;  // made absolute below
        if (!tensor_index_.emplace(tensor.name, tensors_.size()).second) in.corrupt(what + " appears twice", tensor.name);
        tensors_.push_back(std::move(tensor));
    }
    data_offset_ = pad(in.position(), alignment);

    std::vector<const GgufTensor *> by_offset;
    for (auto & tensor : tensors_) {
        if (tensor.offset > max_size - data_offset_ || tensor.bytes > max_size - data_offset_ - tensor.offset) {
            in.corrupt("tensor " + printable(tensor.name) + " lies at an impossible offset", tensor.name);
        }
        tensor.offset += data_offset_;
        if (tensor.offset + tensor.bytes > file_.size()) {
            throw MergeError("truncated", path + " is cut off: tensor " + printable(tensor.name) + " needs bytes up to " +
                                              std::to_string(tensor.offset + tensor.bytes) + ", the file has " +
                                              std::to_string(file_.size()) + ". Copy or download it again.",
                             path, tensor.name);
        }
        by_offset.push_back(&tensor);
    }
    std::sort(by_offset.begin(), by_offset.end(), [](auto * a, auto * b) { return a->offset < b->offset; });
    for (size_t i = 1; i < by_offset.size(); i++) {
        if (by_offset[i - 1]->offset + by_offset[i - 1]->bytes > by_offset[i]->offset) {
            in.corrupt("tensors " + printable(by_offset[i - 1]->name) + " and " + printable(by_offset[i]->name) +
                           " overlap", by_offset[i]->name);
        }
    }
}

const GgufTensor * GgufFile::find_tensor(const std::string & name) const {
    const auto found = tensor_index_.find(name);
    return found == tensor_index_.end() ? nullptr : &tensors_[found->second];
}

const MetadataEntry * GgufFile::find(const std::string & key) const {
    const auto found = metadata_index_.find(key);
    return found == metadata_index_.end() ? nullptr : &metadata_[found->second];
}

std::string GgufFile::text(const std::string & key) const {
    const MetadataEntry * entry = find(key);
    return entry && entry->type == ValueType::String ? entry->raw.substr(8) : std::string();
}

float GgufFile::number(const std::string & key, float fallback) const {
    const MetadataEntry * entry = find(key);
    if (entry && entry->type == ValueType::Float32) {
        float value;
        memcpy(&value, entry->raw.data(), 4);
        return value;
    }
    if (entry && entry->type == ValueType::Float64) {
        double value;
        memcpy(&value, entry->raw.data(), 8);
        return float(value);
    }
    return fallback;
}

std::vector<std::string_view> string_array(const MetadataEntry & entry) {
    std::vector<std::string_view> strings;
    uint32_t element = 0;
    uint64_t count = 0;
    if (entry.type != ValueType::Array) return strings;
    memcpy(&element, entry.raw.data(), 4);
    memcpy(&count, entry.raw.data() + 4, 8);
    if (ValueType(element) != ValueType::String) return strings;
    size_t at = 12;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t length;
        memcpy(&length, entry.raw.data() + at, 8);
        strings.emplace_back(entry.raw.data() + at + 8, size_t(length));
        at += 8 + size_t(length);
    }
    return strings;
}

MetadataEntry make_text(std::string key, std::string_view value) {
    MetadataEntry entry = make_number(std::move(key), ValueType::String, uint64_t(value.size()));
    entry.raw.append(value);
    return entry;
}
MetadataEntry make_uint32(std::string key, uint32_t value) { return make_number(std::move(key), ValueType::Uint32, value); }
MetadataEntry make_int64(std::string key, int64_t value) { return make_number(std::move(key), ValueType::Int64, value); }
MetadataEntry make_uint64(std::string key, uint64_t value) { return make_number(std::move(key), ValueType::Uint64, value); }
MetadataEntry make_float64(std::string key, double value) { return make_number(std::move(key), ValueType::Float64, value); }
MetadataEntry make_bool(std::string key, bool value) { return make_number(std::move(key), ValueType::Bool, uint8_t(value)); }

void set_entry(std::vector<MetadataEntry> & entries, MetadataEntry entry) {
    for (auto & existing : entries) {
        if (existing.key == entry.key) {
            existing = std::move(entry);
            return;
        }
    }
    entries.push_back(std::move(entry));
}

GgufLayout plan_gguf(const std::vector<MetadataEntry> & metadata, const std::vector<GgufTensor> & tensors) {
    uint64_t alignment = DEFAULT_ALIGNMENT;
    for (const auto & entry : metadata) {
        if (entry.key == "general.alignment" && entry.type == ValueType::Uint32) {
            uint32_t value;
            memcpy(&value, entry.raw.data(), 4);
            alignment = value;
        }
    }
    GgufLayout layout;
    std::string & header = layout.header;
    const auto put_u32 = [&](uint32_t value) { append_number(header, &value, 4); };
    const auto put_u64 = [&](uint64_t value) { append_number(header, &value, 8); };
    const auto put_text = [&](const std::string & text) {
        put_u64(text.size());
        header += text;
    };
    header = "GGUF";
    put_u32(3);
    put_u64(tensors.size());
    put_u64(metadata.size());
    for (const auto & entry : metadata) {
        put_text(entry.key);
        put_u32(uint32_t(entry.type));
        header += entry.raw;
    }
    uint64_t at = 0;
    for (const auto & tensor : tensors) {
        put_text(tensor.name);
        put_u32(uint32_t(tensor.shape.size()));
        for (uint64_t n : tensor.shape) put_u64(n);
        put_u32(tensor.type);
        put_u64(at);
        layout.offsets.push_back(at);
        // ggml expects each tensor padded, the last one too.
        at = pad(at + tensor_bytes(tensor.type, tensor.shape), alignment);
    }
    header.resize(size_t(pad(header.size(), alignment)), '\0');
    for (auto & offset : layout.offsets) offset += header.size();
    layout.total_bytes = header.size() + at;
    return layout;
}

}  // namespace temperament
