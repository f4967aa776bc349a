// The table of methods.
#include "method.h"

#include "error.h"

namespace temperament {

Method method_by_name(const std::string & name) {
    using enum Family;
    static constexpr struct {
        const char * name;
        Method method;
    } table[] = {
        {"task_arithmetic", {TaskVectors, Sparsify::None, Consensus::None}},
        {"ties", {TaskVectors, Sparsify::Magnitude, Consensus::Sign}},
        {"dare_linear", {TaskVectors, Sparsify::Random, Consensus::None}},
        {"dare_ties", {TaskVectors, Sparsify::Random, Consensus::Sign}},
        {"breadcrumbs", {TaskVectors, Sparsify::Outliers, Consensus::None}},
        {"breadcrumbs_ties", {TaskVectors, Sparsify::Outliers, Consensus::Sign}},
        {"della_linear", {TaskVectors, Sparsify::Ranked, Consensus::None}},
        {"della", {TaskVectors, Sparsify::Ranked, Consensus::Sign}},
        {"sce", {Sce, Sparsify::None, Consensus::Sign}},
        {"tsv_m", {Tsv, Sparsify::None, Consensus::None}},
        {"knots_ties", {Knots, Sparsify::None, Consensus::Sign}},
        {"slerp", {Slerp, Sparsify::None, Consensus::None}},
        {"nuslerp", {NuSlerp, Sparsify::None, Consensus::None}},
        {"model_stock", {ModelStock, Sparsify::None, Consensus::None}},
        {"karcher", {Karcher, Sparsify::None, Consensus::None}},
    };
    for (const auto & row : table) {
        if (name == row.name) return row.method;
    }
    throw MergeError("invalid_argument", "Unknown merge method '" + name + "'.");
}

}  // namespace temperament
