// Everything in float64: orthonormal bases of the factors' columns, and eigenvectors of matrices as wide as the ranks.
#include "factor_space.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "linear_algebra.h"

namespace temperament {

namespace {

// Singular values below 1e-6 of the largest, and coordinates below 1e-6 of a change's largest, are what rounding to float32
// made of zeros. So are directions of unit length that differ by less from a sum of the others.
constexpr double NOISE = 1e-6;

struct Change {
    Columns left, right;  // left right'
};

Change columns_of(const FactoredChange & change, size_t rows, size_t columns) {
    Change result{Columns(rows, change.rank), Columns(columns, change.rank)};
    for (size_t k = 0; k < change.rank; k++) {
        for (size_t i = 0; i < rows; i++) result.left.column(k)[i] = change.scale * change.b[i * change.rank + k];
        std::copy_n(change.a.data() + k * columns, columns, result.right.column(k));
    }
    return result;
}

// Copies the columns of `from` behind the first `at` of `to`.
void append(Columns & to, size_t at, const Columns & from) {
    std::copy(from.values.begin(), from.values.end(), to.values.begin() + ptrdiff_t(at * to.length));
}

// The first `count` eigenvectors as columns, each times factor(its eigenvalue).
template <typename Factor> Rows<double> turned(const Eigen & eigen, size_t count, const Factor & factor) {
    const size_t n = eigen.values.size();
    Rows<double> turns(n, count);
    for (size_t k = 0; k < count; k++) {
        for (size_t i = 0; i < n; i++) turns.row(i)[k] = eigen.vectors[k * n + i] * factor(eigen.values[k]);
    }
    return turns;
}

// How many squared singular values are more than noise.
size_t rank_of(const Eigen & eigen) {
    const auto is_noise = [&](double value) { return !(value > NOISE * NOISE * eigen.values[0]) || value <= 0; };
    return size_t(std::find_if(eigen.values.begin(), eigen.values.end(), is_noise) - eigen.values.begin());
}

const auto unchanged = [](double) { return 1.0; };

// left diag(sigma) right', both with orthonormal columns.
struct Singular {
    Columns left, right;
    std::vector<double> sigma;
};

Singular singular_vectors(const Change & change, size_t most, ThreadPool & pool) {
    Columns basis = change.left;
    orthonormalise(basis, 2, pool);
    // left right' = basis coordinates', where coordinates = right (left' basis).
    const Columns coordinates = combine(change.right, products(change.left, basis, pool), pool);
    const Eigen turns = eigen(gram(coordinates, pool), coordinates.count, pool);
    const size_t rank = std::min(most, rank_of(turns));
    Singular result{combine(basis, turned(turns, rank, unchanged), pool),
                    combine(coordinates, turned(turns, rank, [](double square) { return 1 / std::sqrt(square); }), pool), {}};
    for (size_t k = 0; k < rank; k++) result.sigma.push_back(std::sqrt(turns.values[k]));
    return result;
}

// The orthonormal columns nearest to the given ones (orthogonal Procrustes): X (X'X)^(-1/2). Where columns depend on each
// other they share the directions that there are.
Columns nearest_orthonormal(const Columns & columns, ThreadPool & pool) {
    const size_t n = columns.count;
    const Eigen turns = eigen(gram(columns, pool), n, pool);
    Rows<double> root(n, n);
    for (size_t k = 0, rank = rank_of(turns); k < rank; k++) {
        const double * vector = turns.vectors.data() + k * n;
        for (size_t i = 0; i < n; i++) add_scaled(root.row(i), vector, vector[i] / std::sqrt(turns.values[k]), n);
    }
    return combine(columns, root, pool);
}

MergedFactors rounded(const Columns & left, const Columns & right) {
    MergedFactors merged;
    merged.rank = left.count;
    merged.b.resize(left.values.size());
    for (size_t k = 0; k < left.count; k++) {
        for (size_t i = 0; i < left.length; i++) merged.b[i * left.count + k] = float(left.column(k)[i]);
    }
    merged.a.assign(right.values.begin(), right.values.end());
    return merged;
}

// Sets all but the floor(density * entries) largest to zero, ties in favour of the lowest index, and what is noise.
void keep_largest(std::vector<double> & values, double density) {
    std::vector<double> sizes;
    for (const double value : values) sizes.push_back(std::fabs(value));
    const auto kept = size_t(density * double(values.size()));
    const double noise = NOISE * *std::max_element(sizes.begin(), sizes.end());
    double threshold = 0;
    size_t ties = 0;
    if (kept < values.size()) {
        // The first that goes; of its equals as many stay as there are places left.
        std::nth_element(sizes.begin(), sizes.begin() + ptrdiff_t(kept), sizes.end(), std::greater<>());
        threshold = sizes[kept];
        ties = size_t(std::count(sizes.begin(), sizes.begin() + ptrdiff_t(kept), threshold));
    }
    for (double & value : values) {
        const double size = std::fabs(value);
        const bool stays = size > threshold || (size == threshold && ties > 0);
        if (stays && size == threshold) ties--;
        if (!stays || size <= noise) value = 0;
    }
}

}  // namespace

MergedFactors merge_tsv(const std::vector<FactoredChange> & changes, size_t rows, size_t columns, double share,
                        ThreadPool & pool) {
    const size_t room = std::max<size_t>(1, std::min(rows, columns) / changes.size());
    std::vector<Singular> kept;
    size_t rank = 0;
    for (const auto & change : changes) {
        const size_t full = std::min({change.rank, rows, columns});
        const auto asked = size_t(std::ceil(share * double(full)));
        kept.push_back(singular_vectors(columns_of(change, rows, columns), std::min(asked, room), pool));
        rank += kept.back().sigma.size();
    }
    if (rank == 0) return {};
    Columns left(rows, rank), right(columns, rank);
    std::vector<double> sizes;
    for (size_t i = 0; i < kept.size(); i++) {
        append(left, sizes.size(), kept[i].left);
        append(right, sizes.size(), kept[i].right);
        for (const double sigma : kept[i].sigma) sizes.push_back(changes[i].weight * sigma);
    }
    left = nearest_orthonormal(left, pool);
    right = nearest_orthonormal(right, pool);
    // Both factors get the root, so that neither is much larger than the other.
    for (size_t k = 0; k < rank; k++) {
        const double root = std::sqrt(std::fabs(sizes[k]));
        for (size_t i = 0; i < rows; i++) left.column(k)[i] *= sizes[k] < 0 ? -root : root;
        for (size_t j = 0; j < columns; j++) right.column(k)[j] *= root;
    }
    return rounded(left, right);
}

MergedFactors merge_knots_ties(const std::vector<FactoredChange> & changes, size_t rows, size_t columns, bool normalize,
                               bool unweighted, ThreadPool & pool) {
    std::vector<Change> all;
    size_t width = 0;
    for (const auto & change : changes) {
        all.push_back(columns_of(change, rows, columns));
        width += change.rank;
    }
    Columns basis(rows, width);
    size_t at = 0;
    for (const auto & change : all) {
        append(basis, at, change.left);
        at += change.left.count;
    }
    orthonormalise(basis, 2, pool);
    // change i = basis coordinates_i'; the eigenvectors of the sum of coordinates_i' coordinates_i turn basis into U.
    std::vector<Columns> coordinates;
    std::vector<double> square(width * width);
    for (const auto & change : all) {
        coordinates.push_back(combine(change.right, products(change.left, basis, pool), pool));
        const std::vector<double> own = gram(coordinates.back(), pool);
        for (size_t i = 0; i < square.size(); i++) square[i] += own[i];
    }
    const Eigen turns = eigen(square, width, pool);
    const size_t rank = rank_of(turns);
    if (rank == 0) return {};
    const Rows<double> turn = turned(turns, rank, unchanged);
    for (Columns & own : coordinates) own = combine(own, turn, pool);
    pool.run(changes.size(), [&](size_t c, unsigned) { keep_largest(coordinates[c].values, changes[c].density); });
    Columns merged(columns, rank);
    for (size_t i = 0; i < merged.values.size(); i++) {
        double vote = 0;
        for (size_t c = 0; c < changes.size(); c++) {
            const double weight = changes[c].weight;
            vote += (!unweighted ? weight : weight > 0 ? 1 : -1) * coordinates[c].values[i];
        }
        double sum = 0, divisor = 0;
        for (size_t c = 0; c < changes.size(); c++) {
            const double product = changes[c].weight * coordinates[c].values[i];
            if (product == 0 || (product > 0) != (vote >= 0)) continue;
            sum += product;
            divisor += unweighted ? 1 : changes[c].weight;
        }
        merged.values[i] = normalize && divisor != 0 ? sum / divisor : sum;
    }
    return rounded(combine(basis, turn, pool), merged);
}

}  // namespace temperament
