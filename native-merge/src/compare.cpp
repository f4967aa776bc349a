// One pass over the tensors in bands of whole rows. Inner products of two low-rank vectors come from their factors:
// <B1 A1, B2 A2> = sum of (B1' B2) * (A1 A2') entry by entry, and with G = (B' B)(A A') the sums of sigma^2 and sigma^4
// are tr G and tr G G. For dense matrices sum sigma^4 is estimated from a sketch.
#include "compare.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <climits>
#include <cmath>
#include <memory>

#include "cpu.h"
#include "error.h"
#include "kernels.h"
#include "random.h"
#include "tensor_data.h"

namespace temperament {

namespace {

// Columns of random signs that a matrix is multiplied with.
constexpr size_t SKETCH = 64;
// Rows are read in bands of about this many entries.
constexpr uint64_t BAND_ENTRIES = 8 * STRETCH_UNIT;
// A tensor's bands are added up in so many groups, whatever the number of threads, and the groups in order.
constexpr size_t MOST_GROUPS = 64;
constexpr size_t WORD = 64;

// Adds y' y for each of `rows` rows y of `width`.
TEMPERAMENT_KERNEL void add_gram(double * gram, const float * y, size_t rows, size_t width) {
    for (size_t r = 0; r < rows; r++) {
        const float * row = y + r * width;
        for (size_t i = 0; i < width; i++) {
            const double value = double(row[i]);
            double * to = gram + i * width;
            for (size_t j = 0; j < width; j++) to[j] += value * double(row[j]);
        }
    }
}

// One bit for each entry: is it negative, is it not zero?
TEMPERAMENT_KERNEL void sign_bits(const float * values, size_t count, uint64_t * negative, uint64_t * nonzero) {
    for (size_t word = 0; word * WORD < count; word++) {
        const size_t n = std::min(WORD, count - word * WORD);
        uint64_t below = 0, other = 0;
        for (size_t i = 0; i < n; i++) {
            const float value = values[word * WORD + i];
            below |= uint64_t(value < 0.0f) << i;
            other |= uint64_t(value != 0.0f) << i;
        }
        negative[word] = below;
        nonzero[word] = other;
    }
}

TEMPERAMENT_KERNEL void count_signs(const uint64_t * negative_a, const uint64_t * nonzero_a, const uint64_t * negative_b,
                                    const uint64_t * nonzero_b, size_t words, uint64_t & both, uint64_t & agree) {
    for (size_t i = 0; i < words; i++) {
        const uint64_t here = nonzero_a[i] & nonzero_b[i];
        both += uint64_t(std::popcount(here));
        agree += uint64_t(std::popcount(here & ~(negative_a[i] ^ negative_b[i])));
    }
}

// to[k * width + l] += sum over rows of a[row, k] * b[row, l]
TEMPERAMENT_KERNEL void add_products(double * to, const float * a, size_t rank_a, const float * b, size_t rank_b,
                                     size_t rows) {
    for (size_t row = 0; row < rows; row++) {
        for (size_t k = 0; k < rank_a; k++) {
            const double value = double(a[row * rank_a + k]);
            for (size_t l = 0; l < rank_b; l++) to[k * rank_b + l] += value * double(b[row * rank_b + l]);
        }
    }
}

// The number of a tensor's block; -1 before the blocks, INT_MAX behind them.
int block_of(const std::string & name) {
    if (name.compare(0, 4, "blk.") == 0 && name.size() > 5 && name[4] >= '0' && name[4] <= '9') {
        return std::atoi(name.c_str() + 4);
    }
    return name.compare(0, 6, "output") == 0 ? INT_MAX : -1;
}

std::string layer_of(const std::string & name) {
    const int block = block_of(name);
    return block < 0 || block == INT_MAX ? name : "blk." + std::to_string(block);
}

// Ratio estimator of (tr A)^2 / tr A^2 for A = M' M from the Gram matrix of M * signs: the mean of g_ii g_jj over that of
// g_ij^2 for i != j, whose expectations are (tr A)^2 and tr A^2 (Kong and Valiant 2017 for the latter). The ratio is exact
// for rank 1. Standard error by the jackknife over the columns of the sketch.
EffectiveRank estimate_rank(const std::vector<double> & gram, size_t width, double most) {
    double trace = 0, squares = 0, above = 0;
    std::vector<double> of_column(width);
    for (size_t i = 0; i < width; i++) {
        const double own = gram[i * width + i];
        trace += own;
        squares += own * own;
        for (size_t j = 0; j < width; j++) {
            if (j != i) of_column[i] += gram[i * width + j] * gram[i * width + j];
        }
        above += of_column[i];
    }
    const double below = trace * trace - squares;
    if (above <= 0) return {trace > 0 ? most : 0, 0};
    std::vector<double> without(width);
    double mean = 0;
    for (size_t i = 0; i < width; i++) {
        const double own = gram[i * width + i];
        const double rest = above - 2 * of_column[i];
        without[i] = rest > 0 ? (below - 2 * own * (trace - own)) / rest : below / above;
        mean += without[i] / double(width);
    }
    double spread = 0;
    for (const double value : without) spread += (value - mean) * (value - mean);
    return {std::clamp(below / above, 1.0, most), std::sqrt(spread * double(width - 1) / double(width))};
}

// A tensor, as one or more vectors change it.
struct Target {
    GgufTensor tensor;  // name and shape
    std::vector<const Delta *> deltas;  // of each vector, or null

    explicit Target(size_t vectors) : tensor{}, deltas(vectors) {}
};

class Comparer {
public:
    Comparer(const CompareOptions & options, Progress & progress)
        : options_(options), progress_(progress), pool_(thread_count(options.threads)), buffers_(pool_.size()) {}

    CompareResult run() {
        const auto start = std::chrono::steady_clock::now();
        for (const auto & path : options_.paths) {
            vectors_.push_back(std::make_unique<VectorFile>(path));
            result_.low_rank.push_back(vectors_.back()->is_low_rank());
            require_same_architecture(*vectors_.back());
        }
        const std::vector<Target> targets = collect();
        for (const auto & target : targets) progress_.total += work_of(target);
        result_.all = Sums("", vectors_.size());
        for (const auto & target : targets) {
            progress_.check();
            progress_.set_tensor(target.tensor.name);
            result_.tensors.push_back(compare_tensor(target));
            const Sums & sums = result_.tensors.back().sums;
            const std::string layer = layer_of(sums.name);
            if (result_.layers.empty() || result_.layers.back().name != layer) {
                result_.layers.emplace_back(layer, vectors_.size());
            }
            result_.layers.back().add(sums);
            result_.all.add(sums);
        }
        progress_.finish();
        result_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        return std::move(result_);
    }

private:
    void require_same_architecture(const VectorFile & vector) const {
        const VectorFile & first = *vectors_[0];
        const std::string ours = first.file().text("general.architecture");
        const std::string theirs = vector.file().text("general.architecture");
        if (ours == theirs) return;
        throw MergeError("mismatch", "Architectures differ: '" + ours + "' in " + first.file().path() + ", '" + theirs +
                                         "' in " + vector.file().path() + ". Compare vectors of one model.",
                         vector.file().path());
    }

    // Shape of the tensor that a delta changes.
    static std::vector<uint64_t> shape_of(const Delta & delta) {
        if (delta.dense) return delta.dense->shape;
        if (delta.flipped) return {delta.b->rows(), delta.a->rows()};
        return {delta.a->shape[0], delta.b->rows()};
    }

    // Every tensor that any vector changes.
    std::vector<Target> collect() const {
        std::vector<Target> targets;
        std::map<std::string, size_t> places;
        for (size_t v = 0; v < vectors_.size(); v++) {
            const VectorFile & vector = *vectors_[v];
            for (const auto & [name, delta] : vector.deltas()) {
                const auto [place, fresh] = places.emplace(name, targets.size());
                if (fresh) {
                    targets.emplace_back(vectors_.size());
                    targets.back().tensor.name = name;
                    targets.back().tensor.shape = shape_of(delta);
                }
                Target & target = targets[place->second];
                target.deltas[v] = &delta;
                GgufTensor own{name, 0, shape_of(delta), 0, 0};
                if (own.shape == target.tensor.shape) continue;
                throw MergeError("mismatch", vector.file().path() + ": tensor '" + name + "' has shape " + own.shape_text() +
                                                 ", but " + target.tensor.shape_text() +
                                                 " in another vector. Compare vectors of one model.",
                                 vector.file().path(), name);
            }
        }
        std::stable_sort(targets.begin(), targets.end(), [](const Target & a, const Target & b) {
            const int first = block_of(a.tensor.name), second = block_of(b.tensor.name);
            return first != second ? first < second : a.tensor.name < b.tensor.name;
        });
        return targets;
    }

    // The vectors whose entries are read, multiplied out where they are factors.
    std::vector<size_t> streamed(const Target & target) const {
        std::vector<size_t> present;
        bool any_dense = false;
        for (size_t v = 0; v < vectors_.size(); v++) {
            if (!target.deltas[v]) continue;
            present.push_back(v);
            any_dense = any_dense || target.deltas[v]->dense;
        }
        if (!options_.entrywise && !any_dense) present.clear();
        return present;
    }

    uint64_t work_of(const Target & target) const {
        return target.tensor.entries() * 4 * std::max<size_t>(streamed(target).size(), 1);
    }

    struct Buffers {
        std::vector<uint8_t> raw;
        LoadedStretch factors;
        std::vector<std::vector<float>> values;         // of each vector: a band and what was read around it
        std::vector<float> sketch;                      // rows x width of one band
        std::vector<std::vector<uint64_t>> negative, nonzero;
    };

    // What one group of bands adds up to.
    struct Group {
        Sums sums;
        std::vector<std::vector<double>> grams;  // of each streamed vector: width x width of its sketch; or empty
    };

    ComparedTensor compare_tensor(const Target & target) {
        const size_t n = vectors_.size();
        ComparedTensor result{Sums(target.tensor.name, n), target.tensor.shape, std::vector<EffectiveRank>(n)};
        result.sums.entries = target.tensor.entries();
        std::vector<std::unique_ptr<DeltaReader>> readers(n);
        for (size_t v = 0; v < n; v++) {
            if (target.deltas[v]) readers[v] = std::make_unique<DeltaReader>(*vectors_[v], *target.deltas[v], target.tensor);
        }
        const std::vector<size_t> read = streamed(target);
        if (read.empty()) progress_.advance(work_of(target));
        else stream(target, read, readers, result);
        from_factors(target, readers, result);
        return result;
    }

    static bool is_matrix(const GgufTensor & tensor) { return tensor.row_length() > 1 && tensor.rows() > 1; }

    void stream(const Target & target, const std::vector<size_t> & read,
                const std::vector<std::unique_ptr<DeltaReader>> & readers, ComparedTensor & result) {
        const GgufTensor & tensor = target.tensor;
        const size_t columns = size_t(tensor.row_length());
        // As wide as the matrix, the signs can be the unit vectors, and the result is exact.
        const bool exact = columns <= SKETCH;
        const size_t width = exact ? columns : SKETCH;
        std::vector<float> signs;
        if (is_matrix(tensor) && !exact) signs = random_signs(tensor.name, columns * width);
        const uint64_t rows_at_once = std::max<uint64_t>(1, BAND_ENTRIES / columns);
        const size_t bands = size_t((tensor.rows() + rows_at_once - 1) / rows_at_once);
        const size_t n_groups = std::min(bands, MOST_GROUPS);
        std::vector<Group> groups(n_groups, {Sums("", vectors_.size()), std::vector<std::vector<double>>(vectors_.size())});
        pool_.run(n_groups, [&](size_t g, unsigned worker) {
            Group & group = groups[g];
            for (const size_t v : read) {
                if (target.deltas[v]->dense && is_matrix(tensor)) group.grams[v].resize(width * width);
            }
            for (size_t band = g * bands / n_groups; band < (g + 1) * bands / n_groups; band++) {
                progress_.check();
                const uint64_t first = band * rows_at_once, rows = std::min(rows_at_once, tensor.rows() - first);
                add_band(target, read, readers, first, size_t(rows), signs, width, group, buffers_[worker]);
                progress_.advance(rows * columns * 4 * read.size());
            }
        });
        for (const Group & group : groups) result.sums.add(group.sums);
        const double most = double(std::min<uint64_t>(columns, tensor.rows()));
        for (const size_t v : read) {
            if (!target.deltas[v]->dense) continue;
            const double total = result.sums.products[v * vectors_.size() + v];
            if (total == 0) continue;
            if (!is_matrix(tensor)) {
                result.ranks[v] = {1, 0};
                continue;
            }
            std::vector<double> gram(width * width);
            for (const Group & group : groups) {
                for (size_t i = 0; i < gram.size(); i++) gram[i] += group.grams[v][i];
            }
            if (exact) {
                double fourth = 0;
                for (const double value : gram) fourth += value * value;
                result.ranks[v] = {total * total / fourth, 0};
            } else {
                result.ranks[v] = estimate_rank(gram, width, most);
            }
        }
    }

    // Rows [first, first + rows) of every vector in `read`.
    void add_band(const Target & target, const std::vector<size_t> & read,
                  const std::vector<std::unique_ptr<DeltaReader>> & readers, uint64_t first, size_t rows,
                  const std::vector<float> & signs, size_t width, Group & group, Buffers & own) {
        const GgufTensor & tensor = target.tensor;
        const size_t n = vectors_.size(), columns = size_t(tensor.row_length());
        // Reads start and end at multiples of STRETCH_UNIT.
        const uint64_t begin = first * columns, end = begin + rows * columns;
        const uint64_t from = begin / STRETCH_UNIT * STRETCH_UNIT;
        const uint64_t to = std::min((end + STRETCH_UNIT - 1) / STRETCH_UNIT * STRETCH_UNIT, tensor.entries());
        own.values.resize(n);
        own.negative.resize(n);
        own.nonzero.resize(n);
        std::vector<const float *> values(n);
        for (const size_t v : read) {
            own.values[v].resize(size_t(to - from));
            float * out = own.values[v].data();
            if (target.deltas[v]->dense) {
                read_entries(vectors_[v]->file(), *target.deltas[v]->dense, from, size_t(to - from), out, own.raw);
            } else {
                readers[v]->load(from, size_t(to - from), own.factors);
                std::copy_n(own.factors.floats.data(), size_t(to - from), out);
            }
            values[v] = out + (begin - from);
            if (group.grams[v].empty()) continue;
            const float * sketch = values[v];
            if (!signs.empty()) {
                own.sketch.resize(rows * width);
                multiply_factors(own.sketch.data(), width, values[v], signs.data(), width, columns, 1.0f, rows, width);
                sketch = own.sketch.data();
            }
            add_gram(group.grams[v].data(), sketch, rows, width);
        }
        const size_t count = rows * columns;
        for (size_t at = 0; at < count; at += SUM_BLOCK) {
            const size_t part = std::min(SUM_BLOCK, count - at), words = (part + WORD - 1) / WORD;
            for (const size_t v : read) {
                if (!options_.entrywise) break;
                own.negative[v].resize(SUM_BLOCK / WORD);
                own.nonzero[v].resize(SUM_BLOCK / WORD);
                sign_bits(values[v] + at, part, own.negative[v].data(), own.nonzero[v].data());
                group.sums.magnitudes[v] += sum_of_magnitudes(values[v] + at, part);
            }
            for (size_t a = 0; a < read.size(); a++) {
                for (size_t b = a; b < read.size(); b++) {
                    const size_t i = read[a], j = read[b];
                    if (target.deltas[i]->dense || target.deltas[j]->dense) {
                        add_to(group.sums.products, i, j, dot(values[i] + at, values[j] + at, part));
                    }
                    if (!options_.entrywise) continue;
                    uint64_t both = 0, agree = 0;
                    count_signs(own.negative[i].data(), own.nonzero[i].data(), own.negative[j].data(),
                                own.nonzero[j].data(), words, both, agree);
                    add_to(group.sums.both, i, j, double(both));
                    add_to(group.sums.agree, i, j, double(agree));
                }
            }
        }
    }

    void add_to(std::vector<double> & matrix, size_t i, size_t j, double value) const {
        const size_t n = vectors_.size();
        matrix[i * n + j] += value;
        if (i != j) matrix[j * n + i] += value;
    }

    // Products between low-rank vectors, and their effective ranks.
    void from_factors(const Target & target, const std::vector<std::unique_ptr<DeltaReader>> & readers,
                      ComparedTensor & result) {
        std::vector<std::pair<size_t, size_t>> pairs;
        for (size_t i = 0; i < vectors_.size(); i++) {
            for (size_t j = i; j < vectors_.size(); j++) {
                if (readers[i] && readers[j] && !target.deltas[i]->dense && !target.deltas[j]->dense) pairs.push_back({i, j});
            }
        }
        std::vector<double> products(pairs.size());
        pool_.run(pairs.size(), [&](size_t p, unsigned) {
            const auto [i, j] = pairs[p];
            const size_t rank_i = size_t(target.deltas[i]->rank()), rank_j = size_t(target.deltas[j]->rank());
            const std::vector<double> over_rows = row_products(*readers[i], rank_i, *readers[j], rank_j);
            const std::vector<double> over_columns = column_products(*readers[i], rank_i, *readers[j], rank_j);
            const double scale = double(vectors_[i]->scale(*target.deltas[i])) * double(vectors_[j]->scale(*target.deltas[j]));
            double sum = 0;
            for (size_t k = 0; k < over_rows.size(); k++) sum += over_rows[k] * over_columns[k];
            products[p] = scale * sum;
            if (i == j) result.ranks[i] = {rank_from_factors(over_rows, over_columns, rank_i), 0};
        });
        for (size_t p = 0; p < pairs.size(); p++) add_to(result.sums.products, pairs[p].first, pairs[p].second, products[p]);
    }

    // B_i' B_j
    std::vector<double> row_products(const DeltaReader & a, size_t rank_a, const DeltaReader & b, size_t rank_b) const {
        std::vector<double> result(rank_a * rank_b);
        const size_t rows = a.b().size() / rank_a;
        for (size_t row = 0; row < rows; row += 64) {
            progress_.check();
            add_products(result.data(), a.b().data() + row * rank_a, rank_a, b.b().data() + row * rank_b, rank_b,
                         std::min<size_t>(64, rows - row));
        }
        return result;
    }

    // A_i A_j'
    std::vector<double> column_products(const DeltaReader & a, size_t rank_a, const DeltaReader & b, size_t rank_b) const {
        std::vector<double> result(rank_a * rank_b);
        const size_t columns = a.a().size() / rank_a;
        for (size_t k = 0; k < rank_a; k++) {
            progress_.check();
            for (size_t l = 0; l < rank_b; l++) {
                result[k * rank_b + l] = dot(a.a().data() + k * columns, b.a().data() + l * columns, columns);
            }
        }
        return result;
    }

    // (tr G)^2 / tr G G with G = (B' B)(A A'); 0 for zeros.
    static double rank_from_factors(const std::vector<double> & rows, const std::vector<double> & columns, size_t rank) {
        std::vector<double> product(rank * rank);
        for (size_t i = 0; i < rank; i++) {
            for (size_t k = 0; k < rank; k++) {
                for (size_t j = 0; j < rank; j++) product[i * rank + j] += rows[i * rank + k] * columns[k * rank + j];
            }
        }
        double trace = 0, fourth = 0;
        for (size_t i = 0; i < rank; i++) {
            trace += product[i * rank + i];
            for (size_t j = 0; j < rank; j++) fourth += product[i * rank + j] * product[j * rank + i];
        }
        return fourth > 0 ? trace * trace / fourth : 0;
    }

    std::vector<float> random_signs(const std::string & name, size_t count) const {
        std::vector<uint32_t> words(count + RANDOM_GROUP);
        random_words(random_key("compare", options_.seed, "", name), 0, words.data(), count);
        std::vector<float> signs(count);
        for (size_t i = 0; i < count; i++) signs[i] = words[i] >> 31 ? 1.0f : -1.0f;
        return signs;
    }

    const CompareOptions & options_;
    Progress & progress_;
    ThreadPool pool_;
    std::vector<Buffers> buffers_;
    std::vector<std::unique_ptr<VectorFile>> vectors_;
    CompareResult result_{};
};

void add_all(std::vector<double> & to, const std::vector<double> & from) {
    for (size_t i = 0; i < to.size(); i++) to[i] += from[i];
}

}  // namespace

void Sums::add(const Sums & other) {
    entries += other.entries;
    add_all(products, other.products);
    add_all(both, other.both);
    add_all(agree, other.agree);
    add_all(magnitudes, other.magnitudes);
}

CompareResult compare(const CompareOptions & options, Progress & progress) { return Comparer(options, progress).run(); }

}  // namespace temperament
