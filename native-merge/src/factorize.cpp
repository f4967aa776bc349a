// Randomised truncated SVD of each matrix (Halko, Martinsson and Tropp 2011, algorithms 4.4 and 5.1). The basis is found
// in float32, the matrix projected onto it in float64. A matrix of up to HELD_ENTRIES is kept in memory between the passes,
// a larger one streamed in bands of rows. A device may turn the random start towards the largest singular directions, for
// which its products need not be exact; the last product of the basis and the projection are the CPU's.
#include "factorize.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>

#include "convert.h"
#include "device_matrix.h"
#include "error.h"
#include "ggml_library.h"
#include "kernels.h"
#include "linear_algebra.h"
#include "random.h"
#include "tensor_data.h"

namespace temperament {

namespace {

// Random directions beyond the asked rank, and rounds of refinement: within 1 % of the best residual also where singular
// values fall slowly (see the tests).
constexpr size_t OVERSAMPLING = 20;
constexpr int POWER_ITERATIONS = 4;
constexpr size_t FIRST_GUESS = 32;      // rank to try first when only an energy is asked
constexpr uint64_t BAND_ENTRIES = 1 << 20;
constexpr uint64_t HELD_ENTRIES = 1 << 26;
// Singular values below 1e-6 of the largest are what rounding made of zeros.
constexpr double NOISE = 1e-12;
// A smaller matrix is done before a device is ready.
constexpr uint64_t WORTH_SENDING = uint64_t(1) << 20;
// A device's product may be off by this share: ten times what eleven bits a number make of it.
constexpr double PRODUCT_TOLERANCE = 0.005;

struct Factors {
    std::vector<float> a;  // rank rows of the matrix's row length
    std::vector<float> b;  // rows of `rank`
    uint64_t rank = 0;
    double energy = 1;     // share of the squared norm kept
    double total = 0;      // squared norm
};

bool ends_with(const std::string & text, const std::string & end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

class Factorizer {
public:
    Factorizer(const FactorizeOptions & options, Progress & progress)
        : options_(options), progress_(progress), pool_(thread_count(options.threads)), vector_(options.vector),
          raw_(pool_.size()), automatic_(options.device == "auto") {}

    FactorizeResult run() {
        const auto start = std::chrono::steady_clock::now();
        const std::string & path = options_.vector;
        if (vector_.is_low_rank()) {
            throw MergeError("mismatch", path + " is a low-rank adapter already.", path);
        }
        if (vector_.file().is_same_file(options_.out)) {
            throw MergeError("invalid_argument", "The output " + options_.out + " is the vector itself. Choose another name.",
                             options_.out);
        }
        choose_device();
        for (const auto & tensor : vector_.file().tensors()) progress_.total += tensor.entries() * 4;
        std::vector<GgufTensor> tensors;
        std::vector<std::vector<float>> data;
        double total = 0, kept = 0;
        std::vector<double> sizes;
        for (const auto & tensor : vector_.file().tensors()) {
            progress_.check();
            progress_.set_tensor(tensor.name);
            FactoredLayer layer{tensor.name, 0, 0, 0};
            Factors factors;
            open(tensor);
            if (fits_adapter(tensor)) {
                factors = factorize_matrix(tensor);
                layer.rank = factors.rank;
                layer.energy = factors.energy;
                if (factors.rank > 0) add_factors(tensor, factors, tensors, data);
            } else {
                factors.total = squared_norm(tensor);
            }
            progress_.advance(tensor.entries() * 4);
            total += factors.total;
            kept += factors.total * layer.energy;
            sizes.push_back(factors.total);
            result_.layers.push_back(layer);
        }
        for (size_t i = 0; i < result_.layers.size(); i++) result_.layers[i].share = total > 0 ? sizes[i] / total : 0;
        result_.energy = total > 0 ? kept / total : 1;
        if (tensors.empty()) {
            throw MergeError("mismatch", path + " has no matrices that an adapter can carry.", path);
        }
        write(tensors, data);
        progress_.finish();
        result_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        return std::move(result_);
    }

private:
    bool fits_adapter(const GgufTensor & tensor) const {
        size_t dimensions = tensor.shape.size();
        while (dimensions > 1 && tensor.shape[dimensions - 1] == 1) dimensions--;
        if (dimensions != 2 || !ends_with(tensor.name, ".weight")) return false;
        return options_.embeddings || !ends_with(tensor.name, "token_embd.weight");
    }

    // Makes a tensor ready for for_bands.
    void open(const GgufTensor & tensor) {
        held_.clear();
        if (tensor.entries() > HELD_ENTRIES) {
            held_.shrink_to_fit();
            return;
        }
        held_.resize(size_t(tensor.entries()));
        read(tensor, 0, held_.size(), held_.data());
    }

    // first: a multiple of STRETCH_UNIT.
    void read(const GgufTensor & tensor, uint64_t first, size_t count, float * out) {
        constexpr size_t PIECE = size_t(16 * STRETCH_UNIT);
        pool_.run((count + PIECE - 1) / PIECE, [&](size_t piece, unsigned worker) {
            progress_.check();
            const size_t at = piece * PIECE;
            read_entries(vector_.file(), tensor, first + at, std::min(PIECE, count - at), out + at, raw_[worker]);
        });
    }

    // Calls work(first_row, rows, values) for bands of whole rows, one after the other.
    template <typename Work> void for_bands(const GgufTensor & tensor, const Work & work) {
        const uint64_t columns = tensor.row_length(), entries = tensor.entries();
        const uint64_t rows_at_once = std::max<uint64_t>(1, BAND_ENTRIES / columns);
        for (uint64_t row = 0; row < tensor.rows(); row += rows_at_once) {
            progress_.check();
            const uint64_t rows = std::min(rows_at_once, tensor.rows() - row);
            if (!held_.empty()) {
                work(size_t(row), size_t(rows), held_.data() + row * columns);
                continue;
            }
            // Reads start at multiples of STRETCH_UNIT, so a band reads a little more at both ends.
            const uint64_t first = row * columns / STRETCH_UNIT * STRETCH_UNIT;
            const uint64_t last = std::min(entries, ((row + rows) * columns + STRETCH_UNIT - 1) / STRETCH_UNIT * STRETCH_UNIT);
            band_.resize(size_t(last - first));
            read(tensor, first, band_.size(), band_.data());
            work(size_t(row), size_t(rows), band_.data() + (row * columns - first));
        }
    }

    double squared_norm(const GgufTensor & tensor) {
        double sum = 0;
        const size_t columns = size_t(tensor.row_length());
        for_bands(tensor, [&](size_t, size_t rows, const float * values) {
            std::vector<double> parts((rows * columns + SUM_BLOCK - 1) / SUM_BLOCK);
            pool_.run(parts.size(), [&](size_t part, unsigned) {
                const size_t at = part * SUM_BLOCK;
                parts[part] = sum_of_squares(values + at, std::min(SUM_BLOCK, rows * columns - at));
            });
            for (const double part : parts) sum += part;
        });
        return sum;
    }

    // y = matrix * x
    void multiply(const GgufTensor & tensor, const Columns & x, Columns & y) {
        Rows<float> from(x.length, x.count), to(y.length, y.count);
        to_rows(x, from, pool_);
        for_bands(tensor, [&](size_t first, size_t rows, const float * values) {
            temperament::multiply(values, first, rows, x.length, from, to, pool_);
        });
        to_columns(to, y, pool_);
    }

    // z = matrix' * y, in float32 or float64.
    template <typename Number> void multiply_transposed(const GgufTensor & tensor, const Columns & y, Columns & z) {
        Rows<Number> from(y.length, y.count), to(z.length, z.count);
        to_rows(y, from, pool_);
        for_bands(tensor, [&](size_t first, size_t rows, const float * values) {
            add_transposed(values, first, rows, z.length, from, to, pool_);
        });
        to_columns(to, z, pool_);
    }

    Factors factorize_matrix(const GgufTensor & tensor) {
        const size_t columns = size_t(tensor.row_length()), rows = size_t(tensor.rows());
        const size_t full = std::min(rows, columns);
        Factors factors;
        factors.total = squared_norm(tensor);
        if (factors.total == 0) return factors;
        const size_t limit = options_.rank > 0 ? std::min<size_t>(full, size_t(options_.rank)) : full;
        size_t guess = options_.energy > 0 ? std::min(limit, FIRST_GUESS) : limit;
        for (;;) {
            if (decompose(tensor, guess, limit, factors)) return factors;
            guess = std::min(limit, guess * 4);
        }
    }

    // Singular triplets up to `guess`, cut to the asked energy, rounded to the stored type. False when more are needed.
    bool decompose(const GgufTensor & tensor, size_t guess, size_t limit, Factors & factors) {
        const size_t columns = size_t(tensor.row_length()), rows = size_t(tensor.rows());
        const size_t full = std::min(rows, columns);
        // With the whole smaller dimension the basis is complete and the result exact.
        const size_t width = std::min(full, std::max(guess + std::max(OVERSAMPLING, guess / 4), full <= 128 ? full : 0));
        Columns right(columns, width), left(rows, width);
        if (width == rows) {
            for (size_t i = 0; i < width; i++) left.column(i)[i] = 1;
        } else {
            find_basis(tensor, right, left);
        }
        // matrix ~ left right' with right' = left' matrix; turned by the eigenvectors of right' right, the columns of left
        // are left singular vectors and those of right are right ones times sigma.
        multiply_transposed<double>(tensor, left, right);
        const std::vector<double> products = gram(right, pool_);
        const double wanted = options_.energy > 0 ? options_.energy * factors.total : factors.total;
        const bool may_grow = options_.energy > 0 && guess < limit;
        double captured = 0;
        for (size_t i = 0; i < width; i++) captured += products[i * width + i];
        if (may_grow && captured < wanted) return false;
        progress_.check();
        const Eigen turns = eigen(products, width, pool_);

        const size_t most = std::min({limit, width, guess});
        size_t rank = 0;
        double kept = 0;
        // Directions at the level of rounding only add noise: they are what is left of a matrix of lower rank.
        while (rank < most && turns.values[rank] > NOISE * turns.values[0] && (rank == 0 || kept < wanted)) {
            kept += turns.values[rank++];
        }
        if (may_grow && rank == most && kept < wanted) return false;
        factors.rank = rank;
        factors.energy = std::min(1.0, kept / factors.total);
        factors.b.assign(rows * rank, 0);
        factors.a.assign(rank * columns, 0);
        // Both factors get the root of sigma, so that neither overflows nor vanishes in F16.
        pool_.run(rank, [&](size_t k, unsigned) {
            progress_.check();
            const double * turn = turns.vectors.data() + k * width;
            const double root = std::sqrt(std::sqrt(turns.values[k]));
            std::vector<double> u(rows), w(columns);
            for (size_t j = 0; j < width; j++) {
                add_scaled(u.data(), left.column(j), turn[j] * root, rows);
                add_scaled(w.data(), right.column(j), turn[j] / root, columns);
            }
            // A singular pair's sign is free: make the largest entry of the left vector positive.
            size_t peak = 0;
            for (size_t m = 1; m < rows; m++) peak = std::fabs(u[m]) > std::fabs(u[peak]) ? m : peak;
            const double sign = u[peak] < 0 ? -1 : 1;
            for (size_t m = 0; m < rows; m++) factors.b[m * rank + k] = float(sign * u[m]);
            for (size_t m = 0; m < columns; m++) factors.a[k * columns + m] = float(sign * w[m]);
        });
        return true;
    }

    // An orthonormal basis of nearly all that the matrix does, in left.
    void find_basis(const GgufTensor & tensor, Columns & right, Columns & left) {
        const bool complete = right.count == right.length;
        if (complete) {
            for (size_t i = 0; i < right.count; i++) right.column(i)[i] = 1;
        } else {
            fill_random(tensor.name, right);
        }
        bool sent = !complete && send(tensor, right, left);
        const bool was_sent = sent;
        for (int i = 0; i < POWER_ITERATIONS && !complete; i++) {
            progress_.check();
            sent = sent && refine_on_device(right, left);
            if (sent) continue;
            multiply(tensor, right, left);
            orthonormalise(left, 1, pool_);
            multiply_transposed<float>(tensor, left, right);
            orthonormalise(right, 1, pool_);
        }
        multiply(tensor, right, left);
        orthonormalise(left, 2, pool_);
        if (!was_sent || !sent) return;
        result_.device.tensors++;
        result_.device.name = claim_->name();
    }

    // --- on a device ---

    void choose_device() {
        DeviceUse & use = result_.device;
        std::string name = options_.device;
        if (name == "cpu") {
            use.reason = "The CPU was asked for.";
            return;
        }
        if (automatic_) {
            const auto first = first_computing_device();
            if (!first) {
                use.reason = "There is no device that can multiply.";
                return;
            }
            name = *first;
        }
        claim_ = std::make_unique<DeviceClaim>(name);
        use.reason = automatic_ ? "No matrix was large enough to measure " + name + " on." : name + " was asked for.";
        if (!claim_->usable()) give_up(claim_->failure());
    }

    // The CPU computes what is left.
    void give_up(const std::string & why) {
        result_.device.reason = claim_->name() + " (" + claim_->description() + ") could not be used" +
                                (result_.device.tensors > 0 ? " any longer: " : ": ") + why + ". The CPU computed instead.";
    }
    void give_up(const DeviceFailure & failure) {
        claim_->fail(failure);
        if (failure.lost && matrix_) matrix_->abandon();
        give_up(failure.message);
    }

    // Sends the matrix to the device, if there is one that is worth it.
    bool send(const GgufTensor & tensor, const Columns & right, Columns & left) {
        if (!claim_ || !claim_->usable() || (automatic_ && tensor.entries() < WORTH_SENDING)) return false;
        if (held_.empty()) {
            give_up("'" + tensor.name + "' is too large to be held");
            return false;
        }
        try {
            if (!matrix_) matrix_ = std::make_unique<DeviceMatrix>(claim_->device());
            const auto obstacle = matrix_->hold(held_.data(), left.length, right.length, right.count);
            if (obstacle) {
                give_up(*obstacle);
                return false;
            }
            return tried_ || is_worth_it(tensor, right, left);
        } catch (const DeviceFailure & failure) {
            give_up(failure);
            return false;
        }
    }

    // Compares the device's first product with the CPU's, and the time that they take.
    bool is_worth_it(const GgufTensor & tensor, const Columns & right, Columns & left) {
        const auto seconds_of = [](const auto & work) {
            const auto start = std::chrono::steady_clock::now();
            work();
            return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        };
        tried_ = true;
        Columns own(left.length, left.count);
        matrix_->multiply(right, own);  // the first time is for setting up
        const double device = seconds_of([&] { matrix_->multiply(right, own); });
        const double cpu = seconds_of([&] { multiply(tensor, right, left); });
        double apart = 0, size = 0;
        for (size_t i = 0; i < own.values.size(); i++) {
            apart += (own.values[i] - left.values[i]) * (own.values[i] - left.values[i]);
            size += left.values[i] * left.values[i];
        }
        if (!(apart <= PRODUCT_TOLERANCE * PRODUCT_TOLERANCE * size)) {
            throw DeviceFailure{"its products are wrong", false};
        }
        if (!automatic_) return true;
        const bool faster = device < cpu;
        char times[32];
        snprintf(times, sizeof times, "%.3g", faster ? cpu / device : device / cpu);
        const std::string there = claim_->name() + " (" + claim_->description() + ")";
        result_.device.reason = faster ? there + " multiplies matrices " + times + " times as fast as the CPU."
                                       : "The CPU multiplies matrices " + std::string(times) + " times as fast as " + there + ".";
        if (!faster) {
            matrix_.reset();
            claim_.reset();
        }
        return faster;
    }

    // A round of the power iteration. False when the device failed; right is then as it was.
    bool refine_on_device(Columns & right, Columns & left) {
        try {
            matrix_->multiply(right, left);
            orthonormalise(left, 1, pool_);
            matrix_->multiply_transposed(left, right);
            orthonormalise(right, 1, pool_);
            return true;
        } catch (const DeviceFailure & failure) {
            give_up(failure);
            return false;
        }
    }

    // Random signs: as good a start as normal numbers, and the same on every machine.
    void fill_random(const std::string & name, Columns & columns) const {
        std::vector<uint32_t> words(columns.values.size() + RANDOM_GROUP);
        random_words(random_key("factorize", options_.seed, "", name), 0, words.data(), columns.values.size());
        for (size_t i = 0; i < columns.values.size(); i++) columns.values[i] = words[i] >> 31 ? 1.0 : -1.0;
    }

    static void add_factors(const GgufTensor & tensor, Factors & factors, std::vector<GgufTensor> & tensors,
                            std::vector<std::vector<float>> & data) {
        const uint64_t columns = tensor.row_length(), rows = tensor.rows(), rank = factors.rank;
        GgufTensor a{tensor.name + ".lora_a", 0, {columns, rank}, 0, 0};
        GgufTensor b{tensor.name + ".lora_b", 0, {rank, rows}, 0, 0};
        if (ends_with(tensor.name, "token_embd.weight")) {
            // llama.cpp wants this pair the other way round: a [rank, rows], b [rank, columns].
            std::vector<float> turned(factors.a.size());
            for (uint64_t k = 0; k < rank; k++) {
                for (uint64_t j = 0; j < columns; j++) turned[j * rank + k] = factors.a[k * columns + j];
            }
            a.shape = {rank, rows};
            b.shape = {rank, columns};
            factors.a = std::move(factors.b);
            factors.b = std::move(turned);
        }
        for (const auto & factor : {a, b}) {
            if (factor.name.size() > GGML_MAX_NAME - 1) {
                throw MergeError("mismatch", "Tensor name '" + factor.name + "' is too long for an adapter.", {}, tensor.name);
            }
            tensors.push_back(factor);
        }
        data.push_back(std::move(factors.a));
        data.push_back(std::move(factors.b));
    }

    void write(std::vector<GgufTensor> & tensors, const std::vector<std::vector<float>> & data) {
        std::vector<MetadataEntry> metadata = vector_.file().metadata();
        set_entry(metadata, make_text("general.type", "adapter"));
        set_entry(metadata, make_text("adapter.type", "lora"));
        for (const auto & entry : options_.metadata) set_entry(metadata, entry);
        for (auto & tensor : tensors) tensor.type = options_.type;
        const GgufLayout layout = plan_gguf(metadata, tensors);
        OutputFile out(options_.out, layout.total_bytes);
        out.write(layout.header.data(), layout.header.size(), 0);
        std::vector<uint8_t> stored;
        for (size_t i = 0; i < tensors.size(); i++) {
            progress_.check();
            stored.resize(size_t(tensor_bytes(options_.type, tensors[i].shape)));
            if (!from_float(options_.type, data[i].data(), stored.data(), data[i].size())) {
                throw_not_finite(options_.vector, tensors[i].name, "is too large for " + type_name(options_.type) + "; use F32");
            }
            out.write(stored.data(), stored.size(), layout.offsets[i]);
        }
        out.commit();
        result_.bytes = layout.total_bytes;
    }

    const FactorizeOptions & options_;
    Progress & progress_;
    ThreadPool pool_;
    VectorFile vector_;
    std::vector<float> held_;
    std::vector<float> band_;
    std::vector<std::vector<uint8_t>> raw_;  // of each thread
    const bool automatic_;
    std::unique_ptr<DeviceClaim> claim_;    // null: the CPU
    std::unique_ptr<DeviceMatrix> matrix_;
    bool tried_ = false;
    FactorizeResult result_{};
};

}  // namespace

FactorizeResult factorize(const FactorizeOptions & options, Progress & progress) { return Factorizer(options, progress).run(); }

}  // namespace temperament
