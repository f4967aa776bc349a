// Products of a large matrix with a few columns, orthonormal bases, and eigenvectors of small symmetric matrices. Every
// number is summed in one order, whatever the number of threads.
#pragma once

#include <cstddef>
#include <vector>

#include "parallel.h"

namespace temperament {

// Columns of equal length, one after the other.
struct Columns {
    size_t length = 0, count = 0;
    std::vector<double> values;

    Columns(size_t length, size_t count) : length(length), count(count), values(length * count) {}
    double * column(size_t i) { return values.data() + i * length; }
    const double * column(size_t i) const { return values.data() + i * length; }
};

// The same row by row, rows filled up with zeros to a multiple of 16: what the products take.
template <typename Number> struct Rows {
    size_t length = 0, count = 0, stride = 0;
    std::vector<Number> values;

    Rows(size_t length, size_t count) : length(length), count(count), stride((count + 15) / 16 * 16), values(length * stride) {}
    Number * row(size_t i) { return values.data() + i * stride; }
    const Number * row(size_t i) const { return values.data() + i * stride; }
};

// Copies columns to rows and back.
void to_rows(const Columns & columns, Rows<float> & rows, ThreadPool & pool);
void to_rows(const Columns & columns, Rows<double> & rows, ThreadPool & pool);
void to_columns(const Rows<float> & rows, Columns & columns, ThreadPool & pool);
void to_columns(const Rows<double> & rows, Columns & columns, ThreadPool & pool);

// matrix: `rows` rows of `length`, one after the other, which are rows `first` and on of a larger matrix.
// y[first ... first + rows) = matrix * x. Sums go over 256 terms, those are added in order.
void multiply(const float * matrix, size_t first, size_t rows, size_t length, const Rows<float> & x, Rows<float> & y,
              ThreadPool & pool);
// z += matrix' * y[first ... first + rows)
void add_transposed(const float * matrix, size_t first, size_t rows, size_t length, const Rows<float> & y, Rows<float> & z,
                    ThreadPool & pool);
void add_transposed(const float * matrix, size_t first, size_t rows, size_t length, const Rows<double> & y,
                    Rows<double> & z, ThreadPool & pool);

// Orthonormal basis of the columns' span by recursive Gram-Schmidt; columns that add nothing become zero. passes: how
// often columns are cleaned of the ones before them; twice is enough for full precision, once for a span.
void orthonormalise(Columns & columns, int passes, ThreadPool & pool);

// x' y, a row for every column of x.
Rows<double> products(const Columns & x, const Columns & y, ThreadPool & pool);
// x * factors, which have a row for every column of x.
Columns combine(const Columns & x, const Rows<double> & factors, ThreadPool & pool);

// Columns' inner products, a symmetric count x count matrix row by row.
std::vector<double> gram(const Columns & columns, ThreadPool & pool);

// Eigenvalues, largest first, and orthonormal eigenvectors as rows, of a symmetric n x n matrix, row by row: Householder's
// tridiagonal form and implicit QL steps (Golub and Van Loan, Matrix Computations, section 8.3).
struct Eigen {
    std::vector<double> values;
    std::vector<double> vectors;
};
Eigen eigen(std::vector<double> matrix, size_t n, ThreadPool & pool);

// to[i] += factor * from[i]
void add_scaled(double * to, const double * from, double factor, size_t count);

}  // namespace temperament
