// Randomised truncated SVD of each matrix (Halko, Martinsson and Tropp 2011, algorithms 4.4 and 5.1), streaming the
// matrix in bands of rows: memory holds the factors, never the matrix.
#include "factorize.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "convert.h"
#include "cpu.h"
#include "error.h"
#include "ggml_library.h"
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

// Columns of equal length, one after the other.
struct Columns {
    size_t length = 0, count = 0;
    std::vector<double> values;

    Columns(size_t length, size_t count) : length(length), count(count), values(length * count) {}
    double * column(size_t i) { return values.data() + i * length; }
    const double * column(size_t i) const { return values.data() + i * length; }
};

TEMPERAMENT_KERNEL double dot(const double * a, const double * b, size_t count) {
    double lanes[8] = {};
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        for (size_t l = 0; l < 8; l++) lanes[l] += a[i + l] * b[i + l];
    }
    for (size_t l = 0; i < count; i++, l++) lanes[l] += a[i] * b[i];
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}
TEMPERAMENT_KERNEL double dot_mixed(const float * a, const double * b, size_t count) {
    double lanes[8] = {};
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        for (size_t l = 0; l < 8; l++) lanes[l] += double(a[i + l]) * b[i + l];
    }
    for (size_t l = 0; i < count; i++, l++) lanes[l] += double(a[i]) * b[i];
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}
TEMPERAMENT_KERNEL void add_scaled(double * to, const double * from, double factor, size_t count) {
    for (size_t i = 0; i < count; i++) to[i] += factor * from[i];
}
TEMPERAMENT_KERNEL void add_scaled_mixed(double * to, const float * from, double factor, size_t count) {
    for (size_t i = 0; i < count; i++) to[i] += factor * double(from[i]);
}
// (a, b) <- (c a - s b, s a + c b)
TEMPERAMENT_KERNEL void rotate(double * a, double * b, double c, double s, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const double x = a[i], y = b[i];
        a[i] = c * x - s * y;
        b[i] = s * x + c * y;
    }
}

// Orthonormal basis of the columns' span by Gram-Schmidt, each column cleaned twice; columns that add nothing become
// zero. r, if asked: upper triangular with columns = basis * r, r[i * count + j] for row i.
void orthonormalise(Columns & columns, std::vector<double> * r) {
    const size_t n = columns.count;
    if (r) r->assign(n * n, 0.0);
    for (size_t j = 0; j < n; j++) {
        double * column = columns.column(j);
        const double before = std::sqrt(dot(column, column, columns.length));
        for (int pass = 0; pass < 2; pass++) {
            for (size_t i = 0; i < j; i++) {
                const double along = dot(columns.column(i), column, columns.length);
                add_scaled(column, columns.column(i), -along, columns.length);
                if (r) (*r)[i * n + j] += along;
            }
        }
        const double norm = std::sqrt(dot(column, column, columns.length));
        const bool empty = norm <= before * 1e-13 || norm == 0;
        if (r) (*r)[j * n + j] = empty ? 0 : norm;
        for (size_t k = 0; k < columns.length; k++) column[k] = empty ? 0 : column[k] / norm;
    }
}

// Singular value decomposition of a square matrix by one-sided Jacobi rotations: on return the columns of `matrix` are
// u_i sigma_i and those of v are v_i, with matrix = sum u_i sigma_i v_i'.
void jacobi(Columns & matrix, Columns & v) {
    const size_t n = matrix.count;
    for (size_t i = 0; i < n; i++) v.column(i)[i] = 1;
    for (int sweep = 0; sweep < 60; sweep++) {
        bool turned = false;
        for (size_t p = 0; p + 1 < n; p++) {
            for (size_t q = p + 1; q < n; q++) {
                double * a = matrix.column(p);
                double * b = matrix.column(q);
                const double aa = dot(a, a, n), bb = dot(b, b, n), ab = dot(a, b, n);
                if (std::fabs(ab) <= 1e-14 * std::sqrt(aa * bb) || ab == 0) continue;
                turned = true;
                const double zeta = (bb - aa) / (2 * ab);
                const double t = (zeta >= 0 ? 1.0 : -1.0) / (std::fabs(zeta) + std::sqrt(1 + zeta * zeta));
                const double c = 1 / std::sqrt(1 + t * t), s = c * t;
                rotate(a, b, c, s, n);
                rotate(v.column(p), v.column(q), c, s, n);
            }
        }
        if (!turned) return;
    }
}

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
        : options_(options), progress_(progress), pool_(thread_count(options.threads)), vector_(options.vector) {}

    FactorizeResult run() {
        const auto start = std::chrono::steady_clock::now();
        const std::string & path = options_.vector;
        if (vector_.is_low_rank()) {
            throw MergeError("mismatch", path + " is a low-rank adapter already.", path);
        }
        if (vector_.file().file().is_same_file(options_.out)) {
            throw MergeError("invalid_argument", "The output " + options_.out + " is the vector itself. Choose another name.",
                             options_.out);
        }
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

    // Calls work(first_row, rows, values) for bands of whole rows, one after the other.
    template <typename Work> void for_bands(const GgufTensor & tensor, const Work & work) {
        const uint64_t columns = tensor.row_length(), entries = tensor.entries();
        // Reads start at multiples of STRETCH_UNIT, so a band reads a little more at both ends.
        const uint64_t rows_at_once = std::max<uint64_t>(1, BAND_ENTRIES / columns);
        for (uint64_t row = 0; row < tensor.rows(); row += rows_at_once) {
            progress_.check();
            const uint64_t rows = std::min(rows_at_once, tensor.rows() - row);
            const uint64_t first = row * columns / STRETCH_UNIT * STRETCH_UNIT;
            const uint64_t last = std::min(entries, ((row + rows) * columns + STRETCH_UNIT - 1) / STRETCH_UNIT * STRETCH_UNIT);
            band_.resize(size_t(last - first));
            read_entries(vector_.file(), tensor, first, band_.size(), band_.data(), raw_);
            work(size_t(row), size_t(rows), band_.data() + (row * columns - first));
        }
    }

    double squared_norm(const GgufTensor & tensor) {
        double sum = 0;
        const size_t columns = size_t(tensor.row_length());
        for_bands(tensor, [&](size_t, size_t rows, const float * values) {
            for (size_t i = 0; i < rows * columns; i++) sum += double(values[i]) * double(values[i]);
        });
        return sum;
    }

    // y = matrix * x: each entry of y is one dot product, whatever thread computes it.
    void multiply(const GgufTensor & tensor, const Columns & x, Columns & y) {
        for_bands(tensor, [&](size_t first, size_t rows, const float * values) {
            pool_.run(rows, [&](size_t i, unsigned) {
                for (size_t c = 0; c < x.count; c++) y.column(c)[first + i] = dot_mixed(values + i * x.length, x.column(c), x.length);
            });
        });
    }

    // z = matrix' * y: a thread owns columns of z, and adds rows in order.
    void multiply_transposed(const GgufTensor & tensor, const Columns & y, Columns & z) {
        std::fill(z.values.begin(), z.values.end(), 0.0);
        for_bands(tensor, [&](size_t first, size_t rows, const float * values) {
            pool_.run(z.count, [&](size_t c, unsigned) {
                for (size_t i = 0; i < rows; i++) add_scaled_mixed(z.column(c), values + i * z.length, y.column(c)[first + i], z.length);
            });
        });
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
            decompose(tensor, guess, limit, factors);
            if (options_.energy <= 0 || factors.energy >= options_.energy || guess == limit) return factors;
            guess = std::min(limit, guess * 4);
        }
    }

    // Singular triplets up to `guess`, cut to the asked energy, rounded to the stored type.
    void decompose(const GgufTensor & tensor, size_t guess, size_t limit, Factors & factors) {
        const size_t columns = size_t(tensor.row_length()), rows = size_t(tensor.rows());
        const size_t full = std::min(rows, columns);
        // With the whole smaller dimension the basis is complete and the result exact.
        const size_t width = std::min(full, std::max(guess + std::max(OVERSAMPLING, guess / 4), full <= 128 ? full : 0));
        Columns right(columns, width), left(rows, width);
        fill_random(tensor.name, right);
        multiply(tensor, right, left);
        orthonormalise(left, nullptr);
        for (int i = 0; i < POWER_ITERATIONS; i++) {
            multiply_transposed(tensor, left, right);
            orthonormalise(right, nullptr);
            multiply(tensor, right, left);
            orthonormalise(left, nullptr);
        }
        // left' * matrix = (right)' with right = basis * r, so matrix ~ left r' basis' = left (u s v') basis'.
        multiply_transposed(tensor, left, right);
        std::vector<double> r;
        orthonormalise(right, &r);
        Columns core(width, width), v(width, width);
        for (size_t i = 0; i < width; i++) {
            for (size_t j = 0; j < width; j++) core.column(i)[j] = r[i * width + j];  // column i of r' is row i of r
        }
        jacobi(core, v);
        std::vector<double> squares(width);
        for (size_t i = 0; i < width; i++) squares[i] = dot(core.column(i), core.column(i), width);
        std::vector<size_t> order(width);
        std::iota(order.begin(), order.end(), size_t(0));
        std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return squares[a] > squares[b]; });

        const size_t most = std::min({limit, width, guess});
        const double wanted = options_.energy > 0 ? options_.energy * factors.total : factors.total;
        size_t rank = 0;
        double kept = 0;
        // Directions at the level of rounding only add noise: they are what is left of a matrix of lower rank.
        while (rank < most && squares[order[rank]] > 1e-14 * squares[order[0]] && (rank == 0 || kept < wanted)) {
            kept += squares[order[rank++]];
        }
        factors.rank = rank;
        factors.energy = std::min(1.0, kept / factors.total);
        factors.b.assign(rows * rank, 0);
        factors.a.assign(rank * columns, 0);
        // Both factors get the root of sigma, so that neither overflows nor vanishes in F16.
        pool_.run(rank, [&](size_t k, unsigned) {
            const size_t i = order[k];
            const double sigma = std::sqrt(squares[i]), root = std::sqrt(sigma);
            std::vector<double> u(rows), w(columns);
            for (size_t j = 0; j < width; j++) {
                add_scaled(u.data(), left.column(j), core.column(i)[j] / sigma * root, rows);
                add_scaled(w.data(), right.column(j), v.column(i)[j] * root, columns);
            }
            // A singular pair's sign is free: make the largest entry of the left vector positive.
            size_t peak = 0;
            for (size_t m = 1; m < rows; m++) peak = std::fabs(u[m]) > std::fabs(u[peak]) ? m : peak;
            const double sign = u[peak] < 0 ? -1 : 1;
            for (size_t m = 0; m < rows; m++) factors.b[m * rank + k] = float(sign * u[m]);
            for (size_t m = 0; m < columns; m++) factors.a[k * columns + m] = float(sign * w[m]);
        });
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
    std::vector<float> band_;
    std::vector<uint8_t> raw_;
    FactorizeResult result_{};
};

}  // namespace

FactorizeResult factorize(const FactorizeOptions & options, Progress & progress) { return Factorizer(options, progress).run(); }

}  // namespace temperament
