// Stretches of model tensors and of vectors.
#include "tensor_data.h"

#include <algorithm>
#include <cstring>

#include "convert.h"
#include "cpu.h"
#include "error.h"
#include "ggml_library.h"
#include "kernels.h"

namespace temperament {

namespace {

bool ends_with(const std::string & text, const std::string & end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

std::vector<float> read_whole(const GgufFile & file, const GgufTensor & tensor) {
    std::vector<float> values(tensor.entries());
    std::vector<uint8_t> raw;
    read_entries(file, tensor, 0, values.size(), values.data(), raw);
    return values;
}

size_t stored_size(const GgufFile & file, const GgufTensor & tensor, size_t count) {
    if (!is_readable_type(tensor.type)) {
        throw MergeError("unsupported_type", file.path() + ": tensor '" + tensor.name + "' is " + type_name(tensor.type) +
                                                 ", which holds no real numbers.", file.path(), tensor.name);
    }
    return size_t(entry_bytes(tensor.type, count));
}

}  // namespace

void throw_not_finite(const std::string & file, const std::string & tensor, const std::string & what) {
    throw MergeError("not_finite", file + ": tensor '" + tensor + "' " + what + ".", file, tensor);
}

void load_entries(const GgufFile & file, const GgufTensor & tensor, uint64_t first, size_t count, StoredBytes & raw) {
    const size_t bytes = stored_size(file, tensor, count);
    const uint64_t at = entry_bytes(tensor.type, first);
    raw.data = file.view(tensor, bytes, at);
    if (raw.data) return;
    if (raw.buffer.size() < bytes) raw.buffer.resize(bytes);
    file.read(tensor, raw.buffer.data(), bytes, at);
    raw.data = raw.buffer.data();
}

void decode_entries(const GgufFile & file, const GgufTensor & tensor, const StoredBytes & raw, size_t at, size_t count,
                    float * out) {
    to_float(tensor.type, raw.data + entry_bytes(tensor.type, at), out, count);
    check_finite(file, tensor, {GGML_TYPE_F32, out}, count);
}

void prefetch_entries(const GgufTensor & tensor, const StoredBytes & raw, size_t at, size_t count) {
    prefetch(raw.data + entry_bytes(tensor.type, at), size_t(entry_bytes(tensor.type, count)));
}

Stored stored_entries(const GgufTensor & tensor, const StoredBytes & raw, size_t at, size_t count, float * out) {
    const uint8_t * stored = raw.data + entry_bytes(tensor.type, at);
    if (is_source_type(tensor.type)) return {tensor.type, const_cast<uint8_t *>(stored)};
    to_float(tensor.type, stored, out, count);
    return {GGML_TYPE_F32, out};
}

void check_finite(const GgufFile & file, const GgufTensor & tensor, const Stored & values, size_t count) {
    if (!all_finite(values, count)) throw_not_finite(file, tensor);
}

void throw_not_finite(const GgufFile & file, const GgufTensor & tensor) {
    throw_not_finite(file.path(), tensor.name, "holds NaN or infinite values; the file cannot be used");
}

void read_entries(const GgufFile & file, const GgufTensor & tensor, uint64_t first, size_t count, float * out,
                  std::vector<uint8_t> & raw) {
    const size_t bytes = stored_size(file, tensor, count);
    if (raw.size() < bytes) raw.resize(bytes);
    file.read(tensor, raw.data(), bytes, entry_bytes(tensor.type, first));
    to_float(tensor.type, raw.data(), out, count);
    check_finite(file, tensor, {GGML_TYPE_F32, out}, count);
}

bool is_adapter(const GgufFile & file) { return file.text("general.type") == "adapter"; }

VectorFile::VectorFile(const std::string & path) : file_(path) {
    const std::string kind = file_.text("general.type");
    if (kind == "personality-vector") {
        for (const auto & tensor : file_.tensors()) deltas_[tensor.name].dense = &tensor;
        return;
    }
    if (kind != "adapter") {
        throw MergeError("mismatch", path + " is no personality vector but a " + (kind.empty() ? "model" : kind) +
                                         ". Make a vector from it with extract.", path);
    }
    if (file_.text("adapter.type") != "lora") {
        throw MergeError("mismatch", path + " is an adapter of type '" + file_.text("adapter.type") +
                                         "'; only LoRA adapters can be used.", path);
    }
    low_rank_ = true;
    alpha_ = file_.number("adapter.lora.alpha", 0.0f);
    for (const auto & tensor : file_.tensors()) {
        const auto & name = tensor.name;
        if (ends_with(name, ".lora_a")) {
            deltas_[name.substr(0, name.size() - 7)].a = &tensor;
        } else if (ends_with(name, ".lora_b")) {
            deltas_[name.substr(0, name.size() - 7)].b = &tensor;
        } else if (ends_with(name, "_norm.weight")) {
            ignored_.push_back(name);
        } else {
            throw MergeError("mismatch", path + ": '" + name + "' is no LoRA factor (.lora_a or .lora_b).", path, name);
        }
    }
    for (auto & [name, delta] : deltas_) {
        if (!delta.a || !delta.b) {
            throw MergeError("mismatch", path + ": '" + name + "' has only one of its two LoRA factors.", path, name);
        }
        delta.flipped = ends_with(name, "token_embd.weight");
        const uint64_t rank_of_a = delta.flipped ? delta.a->shape[0] : delta.a->rows();
        if (delta.a->shape.size() > 2 || delta.b->shape.size() > 2 || rank_of_a != delta.rank()) {
            throw MergeError("mismatch", path + ": the LoRA factors of '" + name + "' do not fit together: " +
                                             delta.a->shape_text() + " and " + delta.b->shape_text() + ".", path, name);
        }
    }
}

float VectorFile::scale(const Delta & delta) const {
    return alpha_ != 0.0f ? alpha_ / float(delta.rank()) : 1.0f;
}

void VectorFile::check_against(const GgufFile & base) const {
    const std::string & path = file_.path();
    const std::string theirs = file_.text("general.architecture"), ours = base.text("general.architecture");
    if (theirs != ours) {
        throw MergeError("mismatch", path + " is a vector for architecture '" + theirs + "', but " + base.path() +
                                         " is '" + ours + "'. Use the model that the vector was made from.", path);
    }
    for (const auto & [name, delta] : deltas_) {
        const GgufTensor * tensor = base.find_tensor(name);
        if (!tensor) {
            throw MergeError("mismatch", path + " changes tensor '" + name + "', which " + base.path() +
                                             " does not have. Use the model that the vector was made from.", path, name);
        }
        std::string shape;
        if (delta.dense) {
            if (delta.dense->shape != tensor->shape) shape = delta.dense->shape_text();
        } else {
            const uint64_t columns = delta.flipped ? delta.b->rows() : delta.a->shape[0];
            const uint64_t rows = delta.flipped ? delta.a->rows() : delta.b->rows();
            if (columns != tensor->row_length() || rows != tensor->rows() || tensor->shape.size() > 2) {
                shape = "[" + std::to_string(columns) + ", " + std::to_string(rows) + "]";
            }
        }
        if (!shape.empty()) {
            throw MergeError("mismatch", path + ": tensor '" + name + "' has shape " + shape + ", but " +
                                             tensor->shape_text() + " in " + base.path() +
                                             ". Use the model that the vector was made from.", path, name);
        }
    }
}

DeltaReader::DeltaReader(const VectorFile & vector, const Delta & delta, const GgufTensor & base)
    : vector_(vector), delta_(delta), columns_(base.row_length()) {
    if (delta.dense) return;
    a_ = read_whole(vector.file(), *delta.a);
    b_ = read_whole(vector.file(), *delta.b);
    if (!delta.flipped) return;
    // Stored [rank, columns]: turn it into rank rows.
    const size_t rank = size_t(delta.rank()), columns = size_t(columns_);
    std::vector<float> turned(rank * columns);
    for (size_t j = 0; j < columns; j++) {
        for (size_t k = 0; k < rank; k++) turned[k * columns + j] = b_[j * rank + k];
    }
    b_ = std::move(a_);
    a_ = std::move(turned);
}

void multiply_out(const std::vector<float> & a, const std::vector<float> & b, size_t rank, float scale, uint64_t columns,
                  uint64_t first, size_t count, float * out) {
    // A stretch is the end of a row, whole rows, and the start of a row.
    const auto length = size_t(columns);
    size_t done = 0;
    while (done < count) {
        const uint64_t row = (first + done) / columns;
        const size_t column = size_t((first + done) % columns);
        const size_t whole_rows = column == 0 ? (count - done) / length : 0;
        const size_t rows = std::max<size_t>(whole_rows, 1);
        const size_t part = whole_rows ? length : std::min(length - column, count - done);
        multiply_factors(out + done, length, b.data() + row * rank, a.data() + column, length, rank, scale, rows, part);
        done += rows * part;
    }
}

void DeltaReader::load(uint64_t first, size_t count, LoadedStretch & stretch) const {
    if (delta_.dense) return load_entries(vector_.file(), *delta_.dense, first, count, stretch.bytes);
    if (stretch.floats.size() < count) stretch.floats.resize(count);
    float * out = stretch.floats.data();
    multiply_out(a_, b_, size_t(delta_.rank()), vector_.scale(delta_), columns_, first, count, out);
    if (!all_finite(out, count)) {
        throw_not_finite(vector_.file().path(), delta_.a->name, "gives infinite values when multiplied out");
    }
}

float * DeltaReader::decode(LoadedStretch & stretch, size_t at, size_t count, float * out) const {
    if (!delta_.dense) return stretch.floats.data() + at;
    decode_entries(vector_.file(), *delta_.dense, stretch.bytes, at, count, out);
    return out;
}

void DeltaReader::prefetch(const LoadedStretch & stretch, size_t at, size_t count) const {
    if (delta_.dense) prefetch_entries(*delta_.dense, stretch.bytes, at, count);
}

Stored DeltaReader::stored(LoadedStretch & stretch, size_t at, size_t count, float * out) const {
    if (delta_.dense) return stored_entries(*delta_.dense, stretch.bytes, at, count, out);
    return {GGML_TYPE_F32, stretch.floats.data() + at};
}

void DeltaReader::check(const Stored & values, size_t count) const {
    check_finite(vector_.file(), delta_.dense ? *delta_.dense : *delta_.a, values, count);
}

void DeltaReader::refuse() const { throw_not_finite(vector_.file(), delta_.dense ? *delta_.dense : *delta_.a); }

uint32_t DeltaReader::stored_type() const {
    return delta_.dense && is_source_type(delta_.dense->type) ? delta_.dense->type : uint32_t(GGML_TYPE_F32);
}

}  // namespace temperament
