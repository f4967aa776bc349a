// One pass: every stretch is read, decoded, rearranged, rounded and written at its place.
#include "assemble.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "convert.h"
#include "error.h"
#include "ggml_library.h"
#include "tensor_data.h"

namespace temperament {

namespace {

constexpr uint64_t STRETCH = 16 * STRETCH_UNIT;

struct Buffers {
    std::vector<uint8_t> raw, stored;
    std::vector<float> values;
};

class Assembler {
public:
    Assembler(const AssembleOptions & options, Progress & progress)
        : options_(options), progress_(progress), pool_(thread_count(options.threads)), buffers_(pool_.size()) {}

    AssembleResult run() {
        const auto start = std::chrono::steady_clock::now();
        std::unordered_set<std::string> names;
        std::vector<GgufTensor> targets;
        for (const auto & tensor : options_.tensors) {
            check(tensor);
            if (!names.insert(tensor.target.name).second) {
                throw MergeError("mismatch", "Two tensors of " + options_.out + " would be named '" + tensor.target.name + "'.",
                                 options_.out, tensor.target.name);
            }
            targets.push_back(tensor.target);
            progress_.total += tensor_bytes(tensor.type, tensor.target.shape);
        }
        const GgufLayout layout = plan_gguf(options_.metadata, targets);
        OutputFile out(options_.out, layout.total_bytes);
        out.write(layout.header.data(), layout.header.size(), 0);
        for (size_t i = 0; i < targets.size(); i++) write(options_.tensors[i], layout.offsets[i], out);
        progress_.check();
        out.commit();
        progress_.finish();
        return {layout.total_bytes,
                std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()};
    }

private:
    // That its numbers are there and as many as its shape says.
    void check(const AssembledTensor & tensor) {
        const std::string & name = tensor.target.name;
        const auto & shape = tensor.target.shape;
        const auto refuse = [&](const char * code, const std::string & what) {
            throw MergeError(code, "Tensor '" + name + "' " + what + ".", tensor.path, name);
        };
        if (name.empty() || name.size() >= GGML_MAX_NAME) refuse("invalid_argument", "has a name of a length that ggml does not take");
        uint64_t entries = 1;
        for (uint64_t n : shape) {
            if (n == 0 || n > uint64_t(std::numeric_limits<int64_t>::max()) / 4 / entries) refuse("invalid_argument", "has an impossible shape");
            entries *= n;
        }
        const uint64_t rows = entries / shape[0];
        const uint64_t turned = shape.size() == 1 ? entries : rows;
        if (tensor.heads > 0 && turned % (2 * tensor.heads) != 0) {
            refuse("mismatch", "has " + std::to_string(turned) + " rows, which " + std::to_string(tensor.heads) +
                                   " heads of two halves each do not share evenly");
        }
        if (tensor.path.empty()) {
            if (tensor.values.size() != entries) refuse("invalid_argument", "has not as many values as its shape says");
            return;
        }
        auto & file = files_[tensor.path];
        if (!file) {
            file = std::make_unique<InputFile>(tensor.path);
            if (file->is_same_file(options_.out)) {
                throw MergeError("invalid_argument", "The output " + options_.out + " is one of the inputs. Choose another name.",
                                 options_.out);
            }
        }
        const uint64_t needed = entry_bytes(tensor.type, entries);
        if (tensor.offset > file->size() || needed > file->size() - tensor.offset) {
            throw MergeError("truncated", tensor.path + " is cut off: tensor '" + name + "' needs " + std::to_string(needed) +
                                              " bytes from " + std::to_string(tensor.offset) + " on, the file has " +
                                              std::to_string(file->size()) + ". Copy or download it again.", tensor.path, name);
        }
    }

    void write(const AssembledTensor & tensor, uint64_t offset, OutputFile & out) {
        const GgufTensor & target = tensor.target;
        progress_.set_tensor(target.name);
        const uint64_t entries = target.entries();
        pool_.run(size_t((entries + STRETCH - 1) / STRETCH), [&](size_t piece, unsigned worker) {
            progress_.check();
            Buffers & own = buffers_[worker];
            const uint64_t first = piece * STRETCH;
            const size_t count = size_t(std::min(STRETCH, entries - first));
            own.values.resize(std::max(own.values.size(), count));
            read(tensor, first, count, own);
            if (tensor.scale != 1.0f || tensor.shift != 0.0f) {
                for (size_t i = 0; i < count; i++) own.values[i] = tensor.scale * own.values[i] + tensor.shift;
            }
            const size_t bytes = size_t(entry_bytes(target.type, count));
            own.stored.resize(std::max(own.stored.size(), bytes));
            if (!from_float(target.type, own.values.data(), own.stored.data(), count)) {
                throw_not_finite(tensor.path, target.name,
                                 all_finite(own.values.data(), count)
                                     ? "holds values too large for " + type_name(target.type) + "; choose BF16 or F32"
                                     : "holds NaN or infinite values; the file cannot be used");
            }
            out.write(own.stored.data(), bytes, offset + entry_bytes(target.type, first));
            progress_.advance(entry_bytes(tensor.type, count));
        });
    }

    // Entries [first, first + count) of the tensor as float32, in the order of the target.
    void read(const AssembledTensor & tensor, uint64_t first, size_t count, Buffers & own) const {
        if (tensor.path.empty()) {
            std::copy_n(tensor.values.begin() + ptrdiff_t(first), count, own.values.begin());
            return;
        }
        const InputFile & file = *files_.at(tensor.path);
        const size_t bytes = size_t(entry_bytes(tensor.type, count));
        own.raw.resize(std::max(own.raw.size(), bytes));
        const auto fetch = [&](size_t at, uint64_t from, size_t entries) {
            file.read(own.raw.data() + entry_bytes(tensor.type, at), size_t(entry_bytes(tensor.type, entries)),
                      tensor.offset + entry_bytes(tensor.type, from));
        };
        if (tensor.heads == 0) {
            fetch(0, first, count);
        } else {
            // A bias is a column: its rows are single entries.
            const uint64_t width = tensor.target.shape.size() == 1 ? 1 : tensor.target.row_length();
            const uint64_t rows = tensor.target.entries() / width;
            const uint64_t depth = rows / tensor.heads;
            for (size_t at = 0; at < count;) {
                const uint64_t row = (first + at) / width, column = (first + at) % width;
                const uint64_t within = row % depth;
                const uint64_t from = row - within + within % 2 * (depth / 2) + within / 2;
                const size_t part = size_t(std::min<uint64_t>(width - column, count - at));
                fetch(at, from * width + column, part);
                at += part;
            }
        }
        to_float(tensor.type, own.raw.data(), own.values.data(), count);
    }

    const AssembleOptions & options_;
    Progress & progress_;
    ThreadPool pool_;
    std::unordered_map<std::string, std::unique_ptr<InputFile>> files_;
    std::vector<Buffers> buffers_;
};

}  // namespace

AssembleResult assemble(const AssembleOptions & options, Progress & progress) { return Assembler(options, progress).run(); }

}  // namespace temperament
