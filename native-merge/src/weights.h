// How strongly a vector acts on a tensor: weights that vary over the depth of the model, and rules by tensor name.
#pragma once

#include <string>
#include <vector>

#include "gguf.h"

namespace temperament {

// One point: the same weight everywhere. More: spread evenly from the first block to the last, straight lines between.
using WeightPoints = std::vector<double>;

// A filter with * (any characters) or ? (one) must match the whole name; one without is looked for within it.
struct WeightRule {
    std::string filter;
    WeightPoints weight;
};

// The first rule that matches decides, else `otherwise`. depth: see Depth.
float weight_of(const std::string & tensor, double depth, const std::vector<WeightRule> & rules,
                const WeightPoints & otherwise);

// Where a tensor lies in a model: 0 at the first block, 1 at the last. Outside of the blocks, what begins with "output"
// (head and final norm) is at 1, and the rest (embeddings, rope factors) at 0.
class Depth {
public:
    // Counts the blocks by the names "blk.<number>." of the tensors.
    explicit Depth(const std::vector<GgufTensor> & tensors);
    double of(const std::string & tensor) const;

private:
    unsigned blocks_ = 0;
};

// Tables that are looked up by token or position: token_embd, position_embd, token_types, per_layer_token_embd.
bool is_embedding(const std::string & tensor);
// output.weight and output.bias; not output_norm.
bool is_output_head(const std::string & tensor);

bool matches_filter(const std::string & name, const std::string & filter);

}  // namespace temperament
