// Methods that take whole tensors as points in space. Their results are sums of the base and the changes with factors
// that follow from inner products alone, so they need one pass for those and one for the sum.
#pragma once

#include <cstddef>
#include <vector>

#include "method.h"

namespace temperament {

// Inner products of the base b (index 0) and of the changes of the vectors (1 ... n) in one tensor.
class Gram {
public:
    explicit Gram(size_t vectors) : size_(vectors + 1), products_(size_ * size_) {}
    size_t vectors() const { return size_ - 1; }
    double & at(size_t i, size_t j) { return products_[i * size_ + j]; }
    double at(size_t i, size_t j) const { return products_[i * size_ + j]; }

private:
    size_t size_;
    std::vector<double> products_;
};

// The result is base * b + sum over i of deltas[i] * delta_i.
struct Combination {
    double base;
    std::vector<double> deltas;
};

// weights: of the vectors, none of them zero; at least one, for slerp exactly one, for nuslerp at most two.
Combination combine_points(Family family, const Gram & gram, const std::vector<double> & weights);

}  // namespace temperament
