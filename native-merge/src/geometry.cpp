// Slerp, NuSLERP, Model Stock and the Karcher mean, from inner products.
#include "geometry.h"

#include <algorithm>
#include <cmath>

namespace temperament {

namespace {

// mergekit's constants.
constexpr double SLERP_SMALLEST_NORM = 1e-8, SLERP_LARGEST_COSINE = 0.9995;
constexpr double NUSLERP_SMALLEST_SUM = 1e-6, NUSLERP_SMALLEST_SINE = 1e-8;
constexpr int KARCHER_STEPS = 10;
constexpr double KARCHER_TOLERANCE = 1e-5;

double clamp_cosine(double cosine) { return std::clamp(cosine, -1.0, 1.0); }

// From b to b + delta.
Combination slerp(const Gram & gram, double t) {
    const double base = std::sqrt(gram.at(0, 0));
    const double tuned = std::sqrt(std::max(gram.at(0, 0) + 2 * gram.at(0, 1) + gram.at(1, 1), 0.0));
    const bool points = base > SLERP_SMALLEST_NORM && tuned > SLERP_SMALLEST_NORM;
    const double cosine = points ? clamp_cosine((gram.at(0, 0) + gram.at(0, 1)) / (base * tuned)) : 0.0;
    if (std::fabs(cosine) > SLERP_LARGEST_COSINE) return {1, {t}};
    const double angle = std::acos(cosine);
    const double from = std::sin((1 - t) * angle) / std::sin(angle), to = std::sin(t * angle) / std::sin(angle);
    return {from + to, {to}};
}

// b plus what lies between the two changes.
Combination nuslerp(const Gram & gram, const std::vector<double> & weights) {
    if (weights.size() == 1) return {1, {1}};
    const double sum = weights[0] + weights[1];
    const double t = std::fabs(sum) < NUSLERP_SMALLEST_SUM ? 0.5 : weights[1] / sum;
    const double norms = std::sqrt(gram.at(1, 1) * gram.at(2, 2));
    const double angle = norms > 0 ? std::acos(clamp_cosine(gram.at(1, 2) / norms)) : 0.0;
    const double sine = std::sin(angle);
    if (std::fabs(sine) < NUSLERP_SMALLEST_SINE) return {1, {1 - t, t}};
    return {1, {std::sin((1 - t) * angle) / sine, std::sin(t * angle) / sine}};
}

// b + t * mean of w_i delta_i, t from the mean cosine between them.
Combination model_stock(const Gram & gram, const std::vector<double> & weights) {
    const size_t n = weights.size();
    double cosines = 0;
    size_t pairs = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n; j++, pairs++) {
            const double norms = std::sqrt(gram.at(i + 1, i + 1) * gram.at(j + 1, j + 1));
            if (norms == 0) continue;
            const double cosine = clamp_cosine(gram.at(i + 1, j + 1) / norms);
            cosines += weights[i] * weights[j] < 0 ? -cosine : cosine;
        }
    }
    const double cosine = pairs > 0 ? cosines / double(pairs) : 1.0;
    const double divisor = 1 + double(n - 1) * cosine;
    const double t = divisor == 0 ? 0.0 : double(n) * cosine / divisor;
    Combination result{1, {}};
    for (const double weight : weights) result.deltas.push_back(t * weight / double(n));
    return result;
}

// A point as factors of b and the changes.
using Point = std::vector<double>;

double inner(const Gram & gram, const Point & a, const Point & b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); i++) {
        for (size_t j = 0; j < b.size(); j++) sum += a[i] * b[j] * gram.at(i, j);
    }
    return sum;
}
double norm(const Gram & gram, const Point & point) { return std::sqrt(std::max(inner(gram, point, point), 0.0)); }
void add(Point & to, double factor, const Point & point) {
    for (size_t i = 0; i < to.size(); i++) to[i] += factor * point[i];
}
void scale(Point & point, double factor) {
    for (double & value : point) value *= factor;
}

// Where the weighted directions from the mean to the points, on the unit sphere, cancel; then as long as the points are
// on average. The points are b + delta_i.
Combination karcher(const Gram & gram, const std::vector<double> & weights) {
    const size_t n = weights.size();
    double total = 0, length = 0;
    for (const double weight : weights) total += weight;
    std::vector<Point> units;
    std::vector<double> shares;
    for (size_t i = 0; i < n; i++) {
        Point point(n + 1);
        point[0] = point[i + 1] = 1;
        const double own = norm(gram, point);
        length += weights[i] / total * own;
        if (own <= KARCHER_TOLERANCE) continue;
        scale(point, 1 / own);
        units.push_back(std::move(point));
        shares.push_back(weights[i]);
    }
    if (units.empty()) return {0, std::vector<double>(n)};
    double valid = 0;
    for (const double share : shares) valid += share;
    for (double & share : shares) share /= valid;

    Point mean(n + 1);
    for (size_t i = 0; i < units.size(); i++) add(mean, shares[i], units[i]);
    const double start = norm(gram, mean);
    if (start < KARCHER_TOLERANCE) mean = units[0];
    else scale(mean, 1 / start);
    for (int step = 0; step < KARCHER_STEPS; step++) {
        Point tangent(n + 1);
        for (size_t i = 0; i < units.size(); i++) {
            const double cosine = clamp_cosine(inner(gram, mean, units[i])), angle = std::acos(cosine);
            if (angle < KARCHER_TOLERANCE) continue;
            Point towards = units[i];
            add(towards, -cosine, mean);
            add(tangent, shares[i] * angle / std::sin(angle), towards);
        }
        const double far = norm(gram, tangent);
        if (far < KARCHER_TOLERANCE) break;
        scale(mean, std::cos(far));
        add(mean, std::sin(far) / far, tangent);
        const double size = norm(gram, mean);
        if (size > KARCHER_TOLERANCE) scale(mean, 1 / size);
    }
    scale(mean, length);
    return {mean[0], {mean.begin() + 1, mean.end()}};
}

}  // namespace

Combination combine_points(Family family, const Gram & gram, const std::vector<double> & weights) {
    switch (family) {
        case Family::Slerp: return slerp(gram, weights[0]);
        case Family::NuSlerp: return nuslerp(gram, weights);
        case Family::ModelStock: return model_stock(gram, weights);
        default: return karcher(gram, weights);
    }
}

}  // namespace temperament
