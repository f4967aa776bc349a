// Weights by depth and by name.
#include "weights.h"

#include <algorithm>
#include <cmath>

namespace temperament {

namespace {

constexpr int OUTSIDE = -1;

// The number in "blk.<number>.", at the start of the name or of one of its parts ("enc.blk.3.attn_q.weight").
int block_of(const std::string & name) {
    size_t at = name.rfind("blk.", 0) == 0 ? 0 : name.find(".blk.");
    if (at == std::string::npos) return OUTSIDE;
    at = name.find("blk.", at) + 4;
    int number = 0;
    size_t digits = 0;
    for (; at < name.size() && name[at] >= '0' && name[at] <= '9' && digits < 6; at++, digits++) {
        number = 10 * number + (name[at] - '0');
    }
    return digits > 0 && at < name.size() && name[at] == '.' ? number : OUTSIDE;
}

// Wildcards by backtracking to the last star: linear but for the characters a star takes back.
bool matches_glob(const std::string & name, const std::string & glob) {
    size_t n = 0, g = 0, star = std::string::npos, taken = 0;
    while (n < name.size()) {
        if (g < glob.size() && glob[g] == '*') {
            star = g++;
            taken = n;
        } else if (g < glob.size() && (glob[g] == '?' || glob[g] == name[n])) {
            n++, g++;
        } else if (star != std::string::npos) {
            g = star + 1;
            n = ++taken;
        } else {
            return false;
        }
    }
    while (g < glob.size() && glob[g] == '*') g++;
    return g == glob.size();
}

double interpolate(const WeightPoints & points, double depth) {
    const double place = depth * double(points.size() - 1);
    const size_t left = std::min(size_t(place), points.size() - 1);
    const size_t right = std::min(left + 1, points.size() - 1);
    const double share = place - double(left);
    return (1 - share) * points[left] + share * points[right];
}

}  // namespace

bool matches_filter(const std::string & name, const std::string & filter) {
    if (filter.find_first_of("*?") != std::string::npos) return matches_glob(name, filter);
    return name.find(filter) != std::string::npos;
}

float weight_of(const std::string & tensor, double depth, const std::vector<WeightRule> & rules,
                const WeightPoints & otherwise) {
    for (const auto & rule : rules) {
        if (matches_filter(tensor, rule.filter)) return float(interpolate(rule.weight, depth));
    }
    return float(interpolate(otherwise, depth));
}

Depth::Depth(const std::vector<GgufTensor> & tensors) {
    for (const auto & tensor : tensors) blocks_ = std::max(blocks_, unsigned(block_of(tensor.name) + 1));
}

double Depth::of(const std::string & tensor) const {
    const int block = block_of(tensor);
    if (block != OUTSIDE) return blocks_ > 1 ? double(block) / double(blocks_ - 1) : 0.0;
    return tensor.rfind("output", 0) == 0 ? 1.0 : 0.0;
}

bool is_embedding(const std::string & tensor) {
    static const char * const names[] = {"token_embd.weight", "position_embd.weight", "token_types.weight",
                                         "per_layer_token_embd.weight"};
    return std::any_of(std::begin(names), std::end(names), [&](const char * name) { return tensor == name; });
}

bool is_output_head(const std::string & tensor) { return tensor == "output.weight" || tensor == "output.bias"; }

}  // namespace temperament
