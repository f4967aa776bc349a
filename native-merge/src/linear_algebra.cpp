// Products go in tiles of six rows by one vector register's worth of columns, from a packed copy of the six rows.
#include "linear_algebra.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "cpu.h"

namespace temperament {

namespace {

constexpr size_t TILE = 6;           // rows of the result in a tile
constexpr size_t CHUNK = 8 * TILE;   // rows of the result that a thread takes
constexpr size_t DEPTH = 256;        // terms summed before they are added to the result
constexpr size_t PANEL = 8;          // columns that are orthonormalised one by one
constexpr size_t ROWS_AT_ONCE = 1024;
constexpr size_t SHARE = 1 << 15;    // multiplications that are worth a thread's while
// What is left of a column below this share is what float32 rounding made of it.
constexpr double NOTHING_NEW = 1e-9;

#if defined(__GNUC__)
template <typename Number> struct Vector;
template <> struct Vector<float> { typedef float Type __attribute__((vector_size(64), aligned(4), may_alias)); };
template <> struct Vector<double> { typedef double Type __attribute__((vector_size(64), aligned(8), may_alias)); };

// out[r * stride + c] += sum over k of packed[k * TILE + r] * x[k * stride + c] for TILE rows and one vector of columns.
template <typename Number>
TEMPERAMENT_INLINE void add_tile(Number * out, size_t stride, const Number * packed, const Number * x, size_t depth,
                                 size_t height) {
    using Numbers = typename Vector<Number>::Type;
    Numbers sum[TILE] = {};
    for (size_t k = 0; k < depth; k++) {
        const Numbers row = *reinterpret_cast<const Numbers *>(x + k * stride);
        for (size_t r = 0; r < TILE; r++) sum[r] += packed[k * TILE + r] * row;
    }
    for (size_t r = 0; r < height; r++) *reinterpret_cast<Numbers *>(out + r * stride) += sum[r];
}
#else
template <typename Number>
TEMPERAMENT_INLINE void add_tile(Number * out, size_t stride, const Number * packed, const Number * x, size_t depth,
                                 size_t height) {
    constexpr size_t WIDTH = 64 / sizeof(Number);
    Number sum[TILE][WIDTH] = {};
    for (size_t k = 0; k < depth; k++) {
        for (size_t r = 0; r < TILE; r++) {
            for (size_t c = 0; c < WIDTH; c++) sum[r][c] += packed[k * TILE + r] * x[k * stride + c];
        }
    }
    for (size_t r = 0; r < height; r++) {
        for (size_t c = 0; c < WIDTH; c++) out[r * stride + c] += sum[r][c];
    }
}
#endif

template <typename Number>
TEMPERAMENT_INLINE void add_tiles(Number * out, size_t stride, const Number * packed, const Number * x, size_t depth,
                                  size_t height) {
    for (size_t c = 0; c < stride; c += 64 / sizeof(Number)) add_tile(out + c, stride, packed, x + c, depth, height);
}
TEMPERAMENT_KERNEL void add_tiles_float(float * out, size_t stride, const float * packed, const float * x, size_t depth,
                                        size_t height) {
    add_tiles(out, stride, packed, x, depth, height);
}
TEMPERAMENT_KERNEL void add_tiles_double(double * out, size_t stride, const double * packed, const double * x, size_t depth,
                                         size_t height) {
    add_tiles(out, stride, packed, x, depth, height);
}
void add_product(float * out, size_t stride, const float * packed, const float * x, size_t depth, size_t height) {
    add_tiles_float(out, stride, packed, x, depth, height);
}
void add_product(double * out, size_t stride, const double * packed, const double * x, size_t depth, size_t height) {
    add_tiles_double(out, stride, packed, x, depth, height);
}

// Calls work(begin, end) for shares of [0, count), each of at most `size`.
template <typename Work> void for_chunks(ThreadPool & pool, size_t count, size_t size, const Work & work) {
    pool.run((count + size - 1) / size, [&](size_t piece, unsigned) {
        work(piece * size, std::min(count, (piece + 1) * size));
    });
}

template <typename Number>
void multiply_as(const Number * matrix, size_t first, size_t rows, size_t length, const Rows<Number> & x, Rows<Number> & y,
                 ThreadPool & pool) {
    for_chunks(pool, rows, CHUNK, [&](size_t begin, size_t end) {
        Number packed[DEPTH * TILE];
        std::fill(y.row(first + begin), y.row(first + end), Number(0));
        for (size_t k = 0; k < length; k += DEPTH) {
            const size_t depth = std::min(DEPTH, length - k);
            for (size_t i = begin; i < end; i += TILE) {
                const size_t height = std::min(TILE, end - i);
                if (height < TILE) std::fill(packed, packed + depth * TILE, Number(0));
                for (size_t r = 0; r < height; r++) {
                    const Number * from = matrix + (i + r) * length + k;
                    for (size_t d = 0; d < depth; d++) packed[d * TILE + r] = from[d];
                }
                add_product(y.row(first + i), y.stride, packed, x.row(k), depth, height);
            }
        }
    });
}

template <typename Number, typename Entry>
void add_transposed_as(const Entry * matrix, size_t first, size_t rows, size_t length, const Rows<Number> & y,
                       Rows<Number> & z, ThreadPool & pool) {
    for_chunks(pool, length, CHUNK, [&](size_t begin, size_t end) {
        Number packed[DEPTH * TILE];
        for (size_t k = 0; k < rows; k += DEPTH) {
            const size_t depth = std::min(DEPTH, rows - k);
            for (size_t j = begin; j < end; j += TILE) {
                const size_t height = std::min(TILE, end - j);
                for (size_t d = 0; d < depth; d++) {
                    const Entry * from = matrix + (k + d) * length + j;
                    for (size_t r = 0; r < TILE; r++) packed[d * TILE + r] = r < height ? Number(from[r]) : Number(0);
                }
                add_product(z.row(j), z.stride, packed, y.row(first + k), depth, height);
            }
        }
    });
}

template <typename Number> void to_rows_as(const Columns & columns, Rows<Number> & rows, ThreadPool & pool) {
    for_chunks(pool, columns.length, ROWS_AT_ONCE, [&](size_t begin, size_t end) {
        for (size_t c = 0; c < columns.count; c++) {
            const double * column = columns.column(c);
            for (size_t i = begin; i < end; i++) rows.row(i)[c] = Number(column[i]);
        }
    });
}

template <typename Number> void to_columns_as(const Rows<Number> & rows, Columns & columns, ThreadPool & pool) {
    for_chunks(pool, columns.length, ROWS_AT_ONCE, [&](size_t begin, size_t end) {
        for (size_t c = 0; c < columns.count; c++) {
            double * column = columns.column(c);
            for (size_t i = begin; i < end; i++) column[i] = double(rows.row(i)[c]);
        }
    });
}

// (a, b) <- (c a - s b, s a + c b)
TEMPERAMENT_KERNEL void rotate(double * __restrict a, double * __restrict b, double c, double s, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const double x = a[i], y = b[i];
        a[i] = c * x - s * y;
        b[i] = s * x + c * y;
    }
}

// to[i] -= a * x[i] + b * y[i]
TEMPERAMENT_KERNEL void subtract_two(double * __restrict to, const double * __restrict x, double a,
                                     const double * __restrict y, double b, size_t count) {
    for (size_t i = 0; i < count; i++) to[i] -= a * x[i] + b * y[i];
}

TEMPERAMENT_KERNEL double dot(const double * a, const double * b, size_t count) {
    double lanes[16] = {};
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        for (size_t l = 0; l < 16; l++) lanes[l] += a[i + l] * b[i + l];
    }
    for (size_t l = 0; i < count; i++, l++) lanes[l] += a[i] * b[i];
    for (size_t l = 0; l < 8; l++) lanes[l] += lanes[l + 8];
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

// Takes out of columns [middle, end) what lies along the orthonormal columns [begin, middle).
void clean(Columns & columns, size_t begin, size_t middle, size_t end, ThreadPool & pool) {
    const size_t count = end - middle, length = columns.length;
    Rows<double> rest(length, count), along(middle - begin, count);
    for_chunks(pool, length, ROWS_AT_ONCE, [&](size_t from, size_t to) {
        for (size_t c = 0; c < count; c++) {
            const double * column = columns.column(middle + c);
            for (size_t i = from; i < to; i++) rest.row(i)[c] = column[i];
        }
    });
    multiply_as<double>(columns.column(begin), 0, middle - begin, length, rest, along, pool);
    for (double & value : along.values) value = -value;
    add_transposed_as<double>(columns.column(begin), 0, middle - begin, length, along, rest, pool);
    for_chunks(pool, length, ROWS_AT_ONCE, [&](size_t from, size_t to) {
        for (size_t c = 0; c < count; c++) {
            double * column = columns.column(middle + c);
            for (size_t i = from; i < to; i++) column[i] = rest.row(i)[c];
        }
    });
}

// before: norms that the columns began with.
void orthonormalise_range(Columns & columns, const std::vector<double> & before, size_t begin, size_t end, int passes,
                          ThreadPool & pool) {
    if (end - begin > PANEL) {
        const size_t middle = begin + (end - begin) / 2;
        orthonormalise_range(columns, before, begin, middle, passes, pool);
        for (int pass = 0; pass < passes; pass++) clean(columns, begin, middle, end, pool);
        orthonormalise_range(columns, before, middle, end, passes, pool);
        return;
    }
    const size_t length = columns.length;
    for (size_t j = begin; j < end; j++) {
        double * column = columns.column(j);
        for (int pass = 0; pass < passes; pass++) {
            for (size_t i = begin; i < j; i++) {
                add_scaled(column, columns.column(i), -dot(columns.column(i), column, length), length);
            }
        }
        const double norm = std::sqrt(dot(column, column, length));
        const double factor = norm <= before[j] * NOTHING_NEW ? 0 : 1 / norm;
        for (size_t k = 0; k < length; k++) column[k] *= factor;
    }
}

// Householder reflections I - f v v' from both sides; returns their product, transposed: rows that turn the tridiagonal
// form back.
std::vector<double> tridiagonalise(std::vector<double> & a, size_t n, std::vector<double> & diagonal,
                                   std::vector<double> & beside, ThreadPool & pool) {
    std::vector<double> v(n), w(n);
    std::vector<std::vector<double>> reflections(n);
    std::vector<double> factors(n);
    const auto rows_for = [](size_t width) { return std::max<size_t>(1, SHARE / std::max<size_t>(width, 1)); };
    for (size_t k = 0; k + 1 < n; k++) {
        const size_t from = k + 1, m = n - from;
        diagonal[k] = a[k * n + k];
        std::copy_n(a.data() + k * n + from, m, v.data() + from);  // the row is the column
        const double norm = std::sqrt(dot(v.data() + from, v.data() + from, m));
        beside[k] = v[from] > 0 ? -norm : norm;
        v[from] -= beside[k];
        const double square = dot(v.data() + from, v.data() + from, m);
        const double factor = square > 0 ? 2 / square : 0;
        for_chunks(pool, m, rows_for(m), [&](size_t begin, size_t end) {
            for (size_t i = from + begin; i < from + end; i++) w[i] = factor * dot(a.data() + i * n + from, v.data() + from, m);
        });
        add_scaled(w.data() + from, v.data() + from, -factor / 2 * dot(w.data() + from, v.data() + from, m), m);
        for_chunks(pool, m, rows_for(m), [&](size_t begin, size_t end) {
            for (size_t i = from + begin; i < from + end; i++) {
                subtract_two(a.data() + i * n + from, w.data() + from, v[i], v.data() + from, w[i], m);
            }
        });
        reflections[k].assign(v.begin() + from, v.end());
        factors[k] = factor;
    }
    diagonal[n - 1] = a[n * n - 1];
    // Their product from the last to the first; the rows are shared out, each is turned by itself.
    std::vector<double> turned(n * n);
    for_chunks(pool, n, rows_for(n * n / 2), [&](size_t begin, size_t end) {
        for (size_t i = begin; i < end; i++) {
            double * row = turned.data() + i * n;
            row[i] = 1;
            for (size_t k = n - 1; k-- > 0;) {
                if (factors[k] == 0) continue;
                const double share = factors[k] * dot(reflections[k].data(), row + k + 1, n - k - 1);
                add_scaled(row + k + 1, reflections[k].data(), -share, n - k - 1);
            }
        }
    });
    return turned;
}

// Implicit QL steps with Wilkinson's shift; the rotations turn the rows of `vectors`.
void diagonalise(std::vector<double> & diagonal, std::vector<double> & beside, std::vector<double> & vectors, size_t n,
                 ThreadPool & pool) {
    struct Rotation {
        size_t row;
        double c, s;
    };
    std::vector<Rotation> rotations;
    const double tiny = 1e-16;
    for (size_t l = 0; l < n; l++) {
        for (int step = 0; step < 100; step++) {
            size_t m = l;
            while (m + 1 < n && std::fabs(beside[m]) > tiny * (std::fabs(diagonal[m]) + std::fabs(diagonal[m + 1]))) m++;
            if (m == l) break;
            double g = (diagonal[l + 1] - diagonal[l]) / (2 * beside[l]);
            const double root = std::sqrt(g * g + 1);
            g = diagonal[m] - diagonal[l] + beside[l] / (g + (g >= 0 ? root : -root));
            double s = 1, c = 1, p = 0;
            bool split = false;
            rotations.clear();
            for (size_t i = m; i-- > l;) {
                const double f = s * beside[i], b = c * beside[i];
                const double r = std::sqrt(f * f + g * g);
                beside[i + 1] = r;
                if (r == 0) {
                    diagonal[i + 1] -= p;
                    beside[m] = 0;
                    split = true;
                    break;
                }
                s = f / r;
                c = g / r;
                g = diagonal[i + 1] - p;
                const double t = (diagonal[i] - g) * s + 2 * c * b;
                p = s * t;
                diagonal[i + 1] = g + p;
                g = c * t - b;
                rotations.push_back({i, c, s});
            }
            for_chunks(pool, n, 512, [&](size_t begin, size_t end) {
                for (const auto & [row, cosine, sine] : rotations) {
                    rotate(vectors.data() + row * n + begin, vectors.data() + (row + 1) * n + begin, cosine, sine, end - begin);
                }
            });
            if (split) continue;
            diagonal[l] -= p;
            beside[l] = g;
            beside[m] = 0;
        }
    }
}

}  // namespace

TEMPERAMENT_KERNEL void add_scaled(double * __restrict to, const double * __restrict from, double factor, size_t count) {
    for (size_t i = 0; i < count; i++) to[i] += factor * from[i];
}

void to_rows(const Columns & columns, Rows<float> & rows, ThreadPool & pool) { to_rows_as(columns, rows, pool); }
void to_rows(const Columns & columns, Rows<double> & rows, ThreadPool & pool) { to_rows_as(columns, rows, pool); }
void to_columns(const Rows<float> & rows, Columns & columns, ThreadPool & pool) { to_columns_as(rows, columns, pool); }
void to_columns(const Rows<double> & rows, Columns & columns, ThreadPool & pool) { to_columns_as(rows, columns, pool); }

void multiply(const float * matrix, size_t first, size_t rows, size_t length, const Rows<float> & x, Rows<float> & y,
              ThreadPool & pool) {
    multiply_as(matrix, first, rows, length, x, y, pool);
}
void add_transposed(const float * matrix, size_t first, size_t rows, size_t length, const Rows<float> & y, Rows<float> & z,
                    ThreadPool & pool) {
    add_transposed_as(matrix, first, rows, length, y, z, pool);
}
void add_transposed(const float * matrix, size_t first, size_t rows, size_t length, const Rows<double> & y,
                    Rows<double> & z, ThreadPool & pool) {
    add_transposed_as(matrix, first, rows, length, y, z, pool);
}

void orthonormalise(Columns & columns, int passes, ThreadPool & pool) {
    std::vector<double> before(columns.count);
    pool.run(columns.count, [&](size_t i, unsigned) {
        before[i] = std::sqrt(dot(columns.column(i), columns.column(i), columns.length));
    });
    orthonormalise_range(columns, before, 0, columns.count, passes, pool);
}

Rows<double> products(const Columns & x, const Columns & y, ThreadPool & pool) {
    Rows<double> rows(y.length, y.count), result(x.count, y.count);
    to_rows(y, rows, pool);
    multiply_as(x.values.data(), 0, x.count, x.length, rows, result, pool);
    return result;
}

Columns combine(const Columns & x, const Rows<double> & factors, ThreadPool & pool) {
    Rows<double> rows(x.length, factors.count);
    add_transposed_as(x.values.data(), 0, x.count, x.length, factors, rows, pool);
    Columns result(x.length, factors.count);
    to_columns(rows, result, pool);
    return result;
}

std::vector<double> gram(const Columns & columns, ThreadPool & pool) {
    const size_t n = columns.count;
    const Rows<double> all = products(columns, columns, pool);
    std::vector<double> result(n * n);
    for (size_t i = 0; i < n; i++) {
        // Both halves alike, to the last bit.
        for (size_t j = 0; j < n; j++) result[i * n + j] = all.row(std::max(i, j))[std::min(i, j)];
    }
    return result;
}

Eigen eigen(std::vector<double> matrix, size_t n, ThreadPool & pool) {
    std::vector<double> diagonal(n), beside(n);  // beside[i] between i and i + 1
    std::vector<double> vectors = tridiagonalise(matrix, n, diagonal, beside, pool);
    diagonalise(diagonal, beside, vectors, n, pool);
    std::vector<size_t> order(n);
    std::iota(order.begin(), order.end(), size_t(0));
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return diagonal[a] > diagonal[b]; });
    Eigen result{std::vector<double>(n), std::vector<double>(n * n)};
    for (size_t i = 0; i < n; i++) {
        result.values[i] = diagonal[order[i]];
        std::copy_n(vectors.data() + order[i] * n, n, result.vectors.data() + i * n);
    }
    return result;
}

}  // namespace temperament
