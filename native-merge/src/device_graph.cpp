// Building graphs, filling them, and splitting factors.
#include "device_graph.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace temperament {

namespace {

size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

// The nearest number of eleven significant bits: what TF32 and F16 hold exactly.
float eleven_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    bits = (bits + 0xFFFu + (bits >> 13 & 1u)) & ~0x1FFFu;
    memcpy(&value, &bits, 4);
    return value;
}

}  // namespace

// One vector's changes in float32, thinned out.
ggml_tensor * DeviceGraph::changes(const GraphTerm & term, const GraphPlan & plan, Place & place) {
    const auto & g = ggml();
    if (term.rank > 0) {
        const int64_t depth = int64_t(term.rank * term.parts), columns = int64_t(plan.columns);
        place.factor_tensor = g.ggml_new_tensor_2d(context_, GGML_TYPE_F32, depth, columns);
        g.ggml_set_input(place.factor_tensor);
        g.ggml_set_output(place.factor_tensor);  // kept from chunk to chunk
        place.values_tensor = input(GGML_TYPE_F32, depth, int64_t(plan.entries) / columns);
        ggml_tensor * product = g.ggml_mul_mat(context_, place.factor_tensor, place.values_tensor);
        g.ggml_prec_set_acc(product, GGML_PREC_F32);
        ggml_tensor * all = g.ggml_reshape_1d(context_, product, int64_t(plan.entries));
        if (!term.masked) return all;
        place.mask_tensor = input(GGML_TYPE_F16, int64_t(plan.entries), 1);
        return g.ggml_mul(context_, all, as_float(place.mask_tensor));
    }
    place.values_tensor = input(ggml_type(term.type), int64_t(plan.entries), 1);
    ggml_tensor * all = as_float(place.values_tensor);
    if (!term.cut) return all;
    place.limit_tensor = input(GGML_TYPE_F32, 1, 1);
    ggml_tensor * above = g.ggml_sub(context_, g.ggml_abs(context_, all), place.limit_tensor);
    return g.ggml_mul(context_, all, g.ggml_step(context_, above));
}

// The election of mix.inl, but for its division.
ggml_tensor * DeviceGraph::elect(const GraphPlan & plan, const std::vector<ggml_tensor *> & changes) {
    const auto & g = ggml();
    std::vector<ggml_tensor *> votes;
    ggml_tensor * total = nullptr;
    for (size_t t = 0; t < changes.size(); t++) {
        votes.push_back(g.ggml_scale(context_, changes[t], plan.terms[t].voice.vote));
        total = total ? g.ggml_add(context_, total, votes[t]) : votes[t];
    }
    // 1 - 2 * (total < 0)
    ggml_tensor * negative = g.ggml_step(context_, g.ggml_neg(context_, total));
    ggml_tensor * sign = g.ggml_scale_bias(context_, negative, -2, 1);
    ggml_tensor * kept = nullptr;
    for (size_t t = 0; t < changes.size(); t++) {
        const Voice & voice = plan.terms[t].voice;
        ggml_tensor * turned = g.ggml_mul(context_, sign, votes[t]);
        ggml_tensor * agrees = g.ggml_step(context_, turned);
        ggml_tensor * own = voice.gain == voice.vote
                                ? g.ggml_relu(context_, turned)
                                : g.ggml_mul(context_, agrees,
                                             g.ggml_mul(context_, sign, g.ggml_scale(context_, changes[t], voice.gain)));
        kept = kept ? g.ggml_add(context_, kept, own) : own;
        if (!plan.divide) continue;
        ggml_tensor * share = g.ggml_scale(context_, agrees, voice.share);
        divisor_ = divisor_ ? g.ggml_add(context_, divisor_, share) : share;
    }
    return g.ggml_mul(context_, sign, kept);
}

bool DeviceGraph::build(const GraphPlan & plan) {
    const auto & g = ggml();
    if (context_) g.ggml_free(context_);
    const size_t nodes = 32 + 16 * plan.terms.size();
    context_ = g.ggml_init({nodes * g.ggml_tensor_overhead() + g.ggml_graph_overhead_custom(nodes, false), nullptr, true});
    if (!context_) throw DeviceFailure{"not enough memory", false};
    graph_ = g.ggml_new_graph_custom(context_, nodes, false);
    places_.assign(plan.terms.size(), {});
    sum_ = divisor_ = nullptr;
    std::vector<ggml_tensor *> all;
    for (size_t t = 0; t < plan.terms.size(); t++) all.push_back(changes(plan.terms[t], plan, places_[t]));
    if (plan.elect) {
        sum_ = elect(plan, all);
    } else {
        for (size_t t = 0; t < all.size(); t++) {
            ggml_tensor * own = g.ggml_scale(context_, all[t], plan.terms[t].voice.gain);
            sum_ = sum_ ? g.ggml_add(context_, sum_, own) : own;
        }
    }
    g.ggml_set_output(sum_);
    g.ggml_build_forward_expand(graph_, sum_);
    if (divisor_) {
        g.ggml_set_output(divisor_);
        g.ggml_build_forward_expand(graph_, divisor_);
    }
    for (int n = 0; n < g.ggml_graph_n_nodes(graph_); n++) {
        if (!g.ggml_backend_dev_supports_op(device_, g.ggml_graph_node(graph_, n))) return false;
    }
    const bool allocated = attempt([&] { return g.ggml_gallocr_alloc_graph(allocator_, graph_); });
    if (!allocated) throw DeviceFailure{"it has not enough memory", false};
    place_on_host();
    return true;
}

void DeviceGraph::place_on_host() {
    size_t bytes = 0;
    const auto take = [&](const ggml_tensor * tensor) {
        const size_t at = bytes;
        if (tensor) bytes += aligned(ggml().ggml_nbytes(tensor));
        return at;
    };
    for (Place & place : places_) {
        place.values = take(place.values_tensor);
        place.mask = take(place.mask_tensor);
        place.limit = take(place.limit_tensor);
    }
    sum_at_ = take(sum_);
    divisor_at_ = take(divisor_);
    if (bytes <= host_bytes_) return;
    attempt([&] {
        free_host();
        ggml_backend_buffer_type_t type = ggml().ggml_backend_dev_host_buffer_type(device_);
        if (type) pinned_ = ggml().ggml_backend_buft_alloc_buffer(type, bytes);
    });
    if (!pinned_) plain_.resize(bytes);
    host_ = pinned_ ? static_cast<uint8_t *>(ggml().ggml_backend_buffer_get_base(pinned_)) : plain_.data();
    host_bytes_ = bytes;
    memset(host_, 0, bytes);  // the end of a last chunk is computed, too
}

void DeviceGraph::start(size_t count) {
    const auto & g = ggml();
    attempt([&] {
        busy_ = true;
        for (const Place & place : places_) {
            const auto send = [&](ggml_tensor * tensor, size_t at) {
                if (tensor) g.ggml_backend_tensor_set_async(backend_, tensor, host_ + at, 0, g.ggml_nbytes(tensor));
            };
            send(place.values_tensor, place.values);
            send(place.mask_tensor, place.mask);
            send(place.limit_tensor, place.limit);
        }
        const ggml_status status = g.ggml_backend_graph_compute_async(backend_, graph_);
        if (status != GGML_STATUS_SUCCESS) throw DeviceFailure{"it failed while computing"};
        const size_t bytes = count * sizeof(float);
        g.ggml_backend_tensor_get_async(backend_, sum_, host_ + sum_at_, 0, bytes);
        if (divisor_) g.ggml_backend_tensor_get_async(backend_, divisor_, host_ + divisor_at_, 0, bytes);
    });
}

float factor_scale(const std::vector<float> & values, unsigned parts) {
    if (parts == 1) return 1;
    float largest = 0;
    for (const float value : values) largest = std::max(largest, std::fabs(value));
    return largest > 0 ? std::ldexp(1.0f, std::clamp(14 - std::ilogb(largest), -60, 60)) : 1.0f;
}

void split_factor(const float * values, size_t count, size_t rank, unsigned parts, float scale, Side side, float * out) {
    if (parts == 1) {
        memcpy(out, values, count * rank * sizeof(float));
        return;
    }
    for (size_t i = 0; i < count; i++, values += rank, out += parts * rank) {
        for (size_t k = 0; k < rank; k++) {
            const float value = values[k] * scale, high = eleven_bits(value), low = value - high;
            out[k] = high;
            out[rank + k] = side == Side::Left ? high : low;
            out[2 * rank + k] = side == Side::Left ? low : high;
        }
    }
}

std::vector<float> right_factor(const std::vector<float> & a, size_t rank, size_t columns, unsigned parts, float scale) {
    std::vector<float> turned(a.size()), out(a.size() * parts);
    for (size_t k = 0; k < rank; k++) {
        for (size_t j = 0; j < columns; j++) turned[j * rank + k] = a[k * columns + j];
    }
    split_factor(turned.data(), columns, rank, parts, scale, Side::Right, out.data());
    return out;
}

}  // namespace temperament
