// Two products as graphs over one allocation: the matrix, its transpose (made on the device), and the columns.
#include "device_matrix.h"

#include <algorithm>
#include <cmath>

namespace temperament {

DeviceMatrix::DeviceMatrix(ggml_backend_dev_t device) : device_(device) {
    guarded([&] { backend_ = ggml().ggml_backend_dev_init(device, nullptr); });
    if (!backend_) throw DeviceFailure{"it could not be started", false};
}

DeviceMatrix::~DeviceMatrix() {
    // What a lost device still holds cannot be freed safely; it goes with the process.
    if (lost_) return;
    try {
        guarded([&] {
            release();
            ggml().ggml_backend_free(backend_);
        });
    } catch (const DeviceFailure &) {
    }
}

void DeviceMatrix::release() {
    if (memory_) ggml().ggml_backend_buffer_free(memory_);
    if (context_) ggml().ggml_free(context_);
    memory_ = nullptr;
    context_ = nullptr;
}

std::optional<std::string> DeviceMatrix::hold(const float * values, size_t rows, size_t columns, size_t width) {
    const auto & g = ggml();
    return guarded([&]() -> std::optional<std::string> {
        release();
        size_t free_bytes = 0, total_bytes = 0;
        g.ggml_backend_dev_memory(device_, &free_bytes, &total_bytes);
        if ((2 * rows * columns + 2 * (rows + columns) * width) * sizeof(float) > free_bytes / 2) {
            return "it has not enough memory";
        }
        constexpr size_t NODES = 16;
        context_ = g.ggml_init({3 * NODES * g.ggml_tensor_overhead() + 3 * g.ggml_graph_overhead_custom(NODES, false), nullptr, true});
        if (!context_) throw DeviceFailure{"not enough memory", false};
        const auto tensor = [&](size_t length, size_t count) {
            return g.ggml_new_tensor_2d(context_, GGML_TYPE_F32, int64_t(length), int64_t(count));
        };
        const auto graph_of = [&](ggml_tensor * result) {
            ggml_cgraph * graph = g.ggml_new_graph_custom(context_, NODES, false);
            g.ggml_build_forward_expand(graph, result);
            return graph;
        };
        const auto times = [&](ggml_tensor * matrix, ggml_tensor * in) {
            ggml_tensor * out = g.ggml_mul_mat(context_, matrix, in);
            g.ggml_prec_set_acc(out, GGML_PREC_F32);
            return out;
        };
        ggml_tensor * matrix = tensor(columns, rows);
        ggml_tensor * turned = tensor(rows, columns);
        ggml_cgraph * turn = graph_of(g.ggml_cpy(context_, g.ggml_transpose(context_, matrix), turned));
        x_ = tensor(columns, width);
        from_ = tensor(rows, width);
        forward_ = graph_of(y_ = times(matrix, x_));
        backward_ = graph_of(z_ = times(turned, from_));
        for (ggml_cgraph * graph : {turn, forward_, backward_}) {
            for (int n = 0; n < g.ggml_graph_n_nodes(graph); n++) {
                if (!g.ggml_backend_dev_supports_op(device_, g.ggml_graph_node(graph, n))) return "it lacks an operation";
            }
        }
        memory_ = g.ggml_backend_alloc_ctx_tensors(context_, backend_);
        if (!memory_) return "it has not enough memory";
        // A power of two, so that nothing of the matrix leaves F16.
        float largest = 0;
        for (size_t i = 0; i < rows * columns; i++) largest = std::max(largest, std::fabs(values[i]));
        scale_ = largest > 0 ? std::ldexp(1.0f, std::clamp(-std::ilogb(largest), -120, 120)) : 1.0f;
        constexpr size_t PIECE = size_t(1) << 20;
        for (size_t at = 0; at < rows * columns; at += PIECE) {
            host_.resize(std::min(PIECE, rows * columns - at));
            for (size_t i = 0; i < host_.size(); i++) host_[i] = values[at + i] * scale_;
            g.ggml_backend_tensor_set(matrix, host_.data(), at * sizeof(float), host_.size() * sizeof(float));
        }
        if (g.ggml_backend_graph_compute(backend_, turn) != GGML_STATUS_SUCCESS) throw DeviceFailure{"it failed while computing"};
        return std::nullopt;
    });
}

void DeviceMatrix::product(ggml_cgraph * graph, ggml_tensor * from, ggml_tensor * to, const Columns & in, Columns & out) {
    const auto & g = ggml();
    guarded([&] {
        host_.assign(in.values.begin(), in.values.end());
        g.ggml_backend_tensor_set(from, host_.data(), 0, host_.size() * sizeof(float));
        if (g.ggml_backend_graph_compute(backend_, graph) != GGML_STATUS_SUCCESS) {
            throw DeviceFailure{"it failed while computing"};
        }
        host_.resize(out.values.size());
        g.ggml_backend_tensor_get(to, host_.data(), 0, host_.size() * sizeof(float));
    });
    for (size_t i = 0; i < host_.size(); i++) out.values[i] = double(host_[i]) / scale_;
}

void DeviceMatrix::multiply(const Columns & x, Columns & y) { product(forward_, x_, y_, x, y); }

void DeviceMatrix::multiply_transposed(const Columns & y, Columns & z) { product(backward_, from_, z_, y, z); }

}  // namespace temperament
