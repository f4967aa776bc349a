// GGUF header walk with bounds checked at every step, the parts of split models, and header layout for writing.
#include "gguf.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <limits>
#include <unordered_set>

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
constexpr int64_t MAX_PARTS = 99999;  // five digits in the name
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
    if (type == GGML_TYPE_F16 || type == GGML_TYPE_BF16) return 2 * entries;  // asked for every part of a stretch
    return entries / uint64_t(ggml().ggml_blck_size(ggml_type(type))) * ggml().ggml_type_size(ggml_type(type));
}

namespace {

// What the header of one file says.
struct Header {
    uint32_t version = 0;
    uint64_t data_offset = 0;
    std::vector<MetadataEntry> metadata;
    std::vector<GgufTensor> tensors;
};

// Throws not_gguf, truncated, corrupt or unsupported_type.
Header read_header(const InputFile & file) {
    HeaderReader in(file);
    const std::string & path = file.path();
    Header header;
    std::unordered_set<std::string> keys, names;
    char magic[4] = {};
    if (file.size() >= 4) in.bytes(magic, 4);
    if (memcmp(magic, "GGUF", 4) != 0) {
        throw MergeError("not_gguf", path + " is not a GGUF file" + (file.size() == 0 ? " (it is empty)" : "") +
                                         ". Choose a file that ends in .gguf, or convert the model with llama.cpp.", path);
    }
    header.version = in.number<uint32_t>();
    if ((header.version & 0xFFFF) == 0 && header.version != 0) {
        throw MergeError("not_gguf", path + " is a big-endian GGUF file, which this program does not read.", path);
    }
    if (header.version != 2 && header.version != 3) {
        throw MergeError("not_gguf", path + " is GGUF version " + std::to_string(header.version) +
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
        if (!keys.insert(entry.key).second) {
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
        header.metadata.push_back(std::move(entry));
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
        if (!names.insert(tensor.name).second) in.corrupt(what + " appears twice", tensor.name);
        header.tensors.push_back(std::move(tensor));
    }
    header.data_offset = pad(in.position(), alignment);

    std::vector<const GgufTensor *> by_offset;
    for (auto & tensor : header.tensors) {
        if (tensor.offset > max_size - header.data_offset || tensor.bytes > max_size - header.data_offset - tensor.offset) {
            in.corrupt("tensor " + printable(tensor.name) + " lies at an impossible offset", tensor.name);
        }
        tensor.offset += header.data_offset;
        if (tensor.offset + tensor.bytes > file.size()) {
            throw MergeError("truncated", path + " is cut off: tensor " + printable(tensor.name) + " needs bytes up to " +
                                              std::to_string(tensor.offset + tensor.bytes) + ", the file has " +
                                              std::to_string(file.size()) + ". Copy or download it again.",
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
    return header;
}

// Keys with which llama.cpp numbers the parts of a split model; the metadata of the whole goes without them.
bool is_split_key(const std::string & key) {
    return key == "split.no" || key == "split.count" || key == "split.tensors.count";
}

// -1 when absent or no such number.
int64_t whole_number(const Header & header, const char * key) {
    for (const auto & entry : header.metadata) {
        if (entry.key == key) return whole_number(entry, -1);
    }
    return -1;
}

// "model-00002-of-00003.gguf" as llama.cpp names parts (llama_split_path).
struct PartName {
    std::string prefix;  // with the folder
    uint64_t number = 0;  // from 1; 0 when the path is named otherwise
    uint64_t count = 0;

    explicit PartName(const std::string & path) {
        const std::string of = "-of-", end = ".gguf";
        if (path.size() <= end.size() || path.compare(path.size() - end.size(), end.size(), end) != 0) return;
        const size_t middle = path.rfind(of);
        if (middle == std::string::npos || middle == 0) return;
        const size_t dash = path.rfind('-', middle - 1);
        if (dash == std::string::npos) return;
        const std::string first = path.substr(dash + 1, middle - dash - 1);
        const std::string second = path.substr(middle + of.size(), path.size() - end.size() - middle - of.size());
        for (const auto * digits : {&first, &second}) {
            if (digits->size() < 5 || digits->size() > 9 || digits->find_first_not_of("0123456789") != std::string::npos) return;
        }
        prefix = path.substr(0, dash);
        number = std::stoull(first);
        count = std::stoull(second);
    }
};

std::string part_path(const std::string & prefix, uint64_t number, uint64_t count) {
    char end[64];
    snprintf(end, sizeof end, "-%05llu-of-%05llu.gguf", static_cast<unsigned long long>(number),
             static_cast<unsigned long long>(count));
    return prefix + end;
}

std::string part_of(uint64_t number, uint64_t count) {
    return "part " + std::to_string(number) + " of " + std::to_string(count);
}

}  // namespace

GgufFile::GgufFile(const std::string & path) : path_(path) {
    open_parts(std::make_unique<InputFile>(path));
    for (auto entry = metadata_.begin(); entry != metadata_.end();) {
        entry = is_split_key(entry->key) ? metadata_.erase(entry) : entry + 1;
    }
    for (size_t i = 0; i < metadata_.size(); i++) metadata_index_.emplace(metadata_[i].key, i);
}

void GgufFile::open_parts(std::unique_ptr<InputFile> opened) {
    Header header = read_header(*opened);
    const int64_t count = whole_number(header, "split.count");
    if (count <= 1) {
        version_ = header.version;
        data_offset_ = header.data_offset;
        metadata_ = std::move(header.metadata);
        add_tensors(std::move(header.tensors), 0);
        parts_.push_back(std::move(opened));
        return;
    }
    const auto refuse = [&](const std::string & what, const std::string & file) {
        throw MergeError("bad_split", what, file);
    };
    if (count > MAX_PARTS) refuse(path_ + " announces " + std::to_string(count) + " parts, more than any model has.", path_);
    const uint64_t parts = uint64_t(count);
    const int64_t no = whole_number(header, "split.no");
    if (no < 0 || no >= count) {
        refuse(path_ + " is one of " + std::to_string(count) + " parts of a model but does not say which. Copy or download it again.",
               path_);
    }
    const PartName name(path_);
    if (name.number != uint64_t(no) + 1 || name.count != parts) {
        refuse(path_ + " is " + part_of(uint64_t(no) + 1, parts) + " of a split model, but its name does not say so. "
               "Give every part its name back: this one's ends in " + part_path("", uint64_t(no) + 1, parts) + ".", path_);
    }
    const int64_t tensors = whole_number(header, "split.tensors.count");
    for (uint64_t number = 1; number <= parts; number++) {
        const std::string path = number == name.number ? path_ : part_path(name.prefix, number, parts);
        std::unique_ptr<InputFile> file;
        Header part;
        if (number == name.number) {
            file = std::move(opened);
            part = std::move(header);
        } else {
            try {
                file = std::make_unique<InputFile>(path);
            } catch (const MergeError & error) {
                refuse(path_ + " is " + part_of(name.number, parts) + ", and part " + std::to_string(number) +
                       " cannot be read: " + error.message + " Put all parts into one folder.", path);
            }
            part = read_header(*file);
        }
        const int64_t its_count = whole_number(part, "split.count"), its_no = whole_number(part, "split.no");
        if (its_count != count) {
            refuse(path + " is " + (its_count > 1 ? part_of(uint64_t(its_no) + 1, uint64_t(its_count)) : "no part of a split model") +
                   ", but " + path_ + " belongs to " + std::to_string(count) + " parts. Put the parts of one model together.", path);
        }
        if (its_no != int64_t(number) - 1) {
            refuse(path + " holds part " + std::to_string(its_no + 1) + ", not part " + std::to_string(number) +
                   " as its name says. Copy or download part " + std::to_string(number) + " again.", path);
        }
        if (whole_number(part, "split.tensors.count") != tensors) {
            refuse(path + " and " + path_ + " are parts of different models: their numbers of tensors differ. "
                   "Put the parts of one model together.", path);
        }
        for (const auto & tensor : part.tensors) {
            if (const GgufTensor * other = find_tensor(tensor.name)) {
                refuse(path + " holds tensor " + printable(tensor.name) + ", which " + parts_[other->part]->path() +
                       " has already. Put the parts of one model together.", path);
            }
        }
        if (number == 1) {
            version_ = part.version;
            data_offset_ = part.data_offset;
            metadata_ = std::move(part.metadata);
        }
        add_tensors(std::move(part.tensors), uint32_t(number - 1));
        parts_.push_back(std::move(file));
    }
    if (tensors >= 0 && uint64_t(tensors) != tensors_.size()) {
        refuse("The " + std::to_string(count) + " parts of " + path_ + " hold " + std::to_string(tensors_.size()) +
               " tensors together, not " + std::to_string(tensors) + " as they announce. Copy or download them again.", path_);
    }
}

void GgufFile::add_tensors(std::vector<GgufTensor> tensors, uint32_t part) {
    for (auto & tensor : tensors) {
        tensor.part = part;
        tensor_index_.emplace(tensor.name, tensors_.size());
        tensors_.push_back(std::move(tensor));
    }
}

uint64_t GgufFile::bytes() const {
    uint64_t total = 0;
    for (const auto & part : parts_) total += part->size();
    return total;
}

void GgufFile::read(const GgufTensor & tensor, void * buffer, size_t bytes, uint64_t at) const {
    parts_[tensor.part]->read(buffer, bytes, tensor.offset + at);
}

const uint8_t * GgufFile::view(const GgufTensor & tensor, size_t bytes, uint64_t at) const {
    if (tensor.offset % alignof(float) != 0) return nullptr;
    return parts_[tensor.part]->view(tensor.offset + at, bytes);
}

void GgufFile::release(const GgufTensor & tensor) const { parts_[tensor.part]->release(tensor.offset, tensor.bytes); }

void GgufFile::check_whole() const {
    for (const auto & part : parts_) part->check_whole();
}

bool GgufFile::is_same_file(const std::string & other_path) const {
    return std::any_of(parts_.begin(), parts_.end(), [&](const auto & part) { return part->is_same_file(other_path); });
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

int64_t whole_number(const MetadataEntry & entry, int64_t fallback) {
    const size_t size = value_bytes(entry.type);
    uint64_t bits = 0;
    memcpy(&bits, entry.raw.data(), size);
    switch (entry.type) {
        case ValueType::Uint8: case ValueType::Uint16: case ValueType::Uint32: case ValueType::Uint64:
            return bits >> 63 ? fallback : int64_t(bits);
        case ValueType::Int8: case ValueType::Int16: case ValueType::Int32: case ValueType::Int64:
            return bits >> (8 * size - 1) ? fallback : int64_t(bits);  // the sign is the upper bit
        default: return fallback;
    }
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
MetadataEntry make_float32(std::string key, float value) { return make_number(std::move(key), ValueType::Float32, value); }
MetadataEntry make_float64(std::string key, double value) { return make_number(std::move(key), ValueType::Float64, value); }
MetadataEntry make_bool(std::string key, bool value) { return make_number(std::move(key), ValueType::Bool, uint8_t(value)); }

MetadataEntry make_array(std::string key, ValueType element, const void * values, uint64_t count, size_t bytes) {
    MetadataEntry entry = make_number(std::move(key), ValueType::Array, uint32_t(element));
    append_number(entry.raw, &count, sizeof count);
    append_number(entry.raw, values, size_t(count) * bytes);
    return entry;
}
MetadataEntry make_texts(std::string key, const std::vector<std::string> & values) {
    MetadataEntry entry = make_array(std::move(key), ValueType::String, "", 0, 0);
    const uint64_t count = values.size();
    memcpy(entry.raw.data() + 4, &count, sizeof count);
    for (const auto & value : values) {
        const uint64_t length = value.size();
        append_number(entry.raw, &length, sizeof length);
        entry.raw += value;
    }
    return entry;
}

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
