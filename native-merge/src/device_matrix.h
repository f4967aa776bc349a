// A matrix on a device, multiplied by a few columns at a time. Its products are good to eleven bits and no more: CUDA and
// Vulkan may take float32 numbers as TF32 or F16. That is enough for a basis that float32 products refine afterwards.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "device.h"
#include "linear_algebra.h"

namespace temperament {

class DeviceMatrix {
public:
    // All functions throw DeviceFailure.
    explicit DeviceMatrix(ggml_backend_dev_t device);
    ~DeviceMatrix();
    DeviceMatrix(const DeviceMatrix &) = delete;
    DeviceMatrix & operator=(const DeviceMatrix &) = delete;

    // Sends a matrix, rows x columns of finite numbers row by row, and makes ready for products with `width` columns. What
    // keeps the device from it, or nothing.
    std::optional<std::string> hold(const float * values, size_t rows, size_t columns, size_t width);
    // y = matrix * x; entries of x: at most about 1.
    void multiply(const Columns & x, Columns & y);
    // z = matrix' * y; entries of y: at most about 1.
    void multiply_transposed(const Columns & y, Columns & z);
    // After a failure that lost the device.
    void abandon() { lost_ = true; }

private:
    void release();
    void product(ggml_cgraph * graph, ggml_tensor * from, ggml_tensor * to, const Columns & in, Columns & out);

    ggml_backend_dev_t device_;
    ggml_backend_t backend_ = nullptr;
    ggml_context * context_ = nullptr;
    ggml_backend_buffer_t memory_ = nullptr;
    ggml_cgraph *forward_ = nullptr, *backward_ = nullptr;
    ggml_tensor *x_ = nullptr, *y_ = nullptr, *from_ = nullptr, *z_ = nullptr;
    float scale_ = 1;  // what the matrix was multiplied by on its way
    std::vector<float> host_;
    bool lost_ = false;
};

}  // namespace temperament
