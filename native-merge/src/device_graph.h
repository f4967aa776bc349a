// A sum of vectors' changes as a graph of ggml operations with memory of its own on a device and beside it. Every operation
// is one rounding or none, in the order of the CPU's kernels (kernels.h), so a device that rounds as IEEE 754 asks gives the
// CPU's bits.
#pragma once

#include <cstdint>
#include <vector>

#include "device.h"
#include "mix.h"

namespace temperament {

// How one vector's changes reach the device.
struct GraphTerm {
    uint32_t type = GGML_TYPE_F32;
    bool cut = false;     // dropped unless above a limit that is set for every chunk
    uint64_t rank = 0;    // above 0: they come as factors,
    unsigned parts = 1;   // split into so many,
    bool masked = false;  // and the product is multiplied by an F16 mask
    Voice voice{};
};

struct GraphPlan {
    std::vector<GraphTerm> terms;
    bool elect = false, divide = false;
    uint64_t entries = 0;  // of a chunk
    uint64_t columns = 1;  // of the tensor, with factors
};

// A graph with memory on the device and beside it; one of two, so that one computes while the other is filled and emptied.
class DeviceGraph {
    // guarded(), remembering when the device was lost in it.
    template <typename Work> auto attempt(const Work & work) {
        try {
            return guarded(work);
        } catch (const DeviceFailure & failure) {
            lost_ |= failure.lost;
            throw;
        }
    }

public:
    explicit DeviceGraph(ggml_backend_dev_t device) : device_(device) {
        guarded([&] { backend_ = ggml().ggml_backend_dev_init(device, nullptr); });
        if (!backend_) throw DeviceFailure{"it could not be started", false};
        allocator_ = ggml().ggml_gallocr_new(ggml().ggml_backend_get_default_buffer_type(backend_));
    }
    ~DeviceGraph() {
        // What a lost device still holds cannot be freed safely; it goes with the process.
        if (lost_) return;
        try {
            guarded([&] {
                if (busy_) ggml().ggml_backend_synchronize(backend_);
                free_host();
                if (context_) ggml().ggml_free(context_);
                ggml().ggml_gallocr_free(allocator_);
                ggml().ggml_backend_free(backend_);
            });
        } catch (const DeviceFailure &) {
        }
    }
    DeviceGraph(const DeviceGraph &) = delete;
    DeviceGraph & operator=(const DeviceGraph &) = delete;

    // False when the device lacks an operation. Throws DeviceFailure.
    bool build(const GraphPlan & plan);

    // Where the host puts a chunk.
    uint8_t * values(size_t term) { return host_ + places_[term].values; }
    uint8_t * mask(size_t term) { return host_ + places_[term].mask; }
    float & limit(size_t term) { return *reinterpret_cast<float *>(host_ + places_[term].limit); }

    // The right factor, transposed: [rank * parts, columns]. It stays.
    void set_factor(size_t term, const std::vector<float> & factor) {
        attempt([&] {
            ggml().ggml_backend_tensor_set(places_[term].factor_tensor, factor.data(), 0, factor.size() * sizeof(float));
        });
    }

    // Sends what is in place, computes, and asks for the first `count` entries of the result.
    void start(size_t count);
    void wait() {
        attempt([&] { ggml().ggml_backend_synchronize(backend_); });
        busy_ = false;
    }
    const float * sum() const { return reinterpret_cast<const float *>(host_ + sum_at_); }
    const float * divisor() const { return divisor_ ? reinterpret_cast<const float *>(host_ + divisor_at_) : nullptr; }
    void abandon() { lost_ = true; }
    bool busy() const { return busy_; }
    ggml_backend_dev_t device() const { return device_; }
    uint32_t type(size_t term) const { return places_[term].values_tensor->type; }

private:
    struct Place {
        size_t values = 0, mask = 0, limit = 0;  // in host_
        ggml_tensor *values_tensor = nullptr, *mask_tensor = nullptr, *limit_tensor = nullptr, *factor_tensor = nullptr;
    };

    ggml_tensor * input(ggml_type type, int64_t rows, int64_t columns) {
        ggml_tensor * tensor = columns > 1 ? ggml().ggml_new_tensor_2d(context_, type, rows, columns)
                                           : ggml().ggml_new_tensor_1d(context_, type, rows);
        ggml().ggml_set_input(tensor);
        return tensor;
    }
    ggml_tensor * as_float(ggml_tensor * tensor) {
        return tensor->type == GGML_TYPE_F32 ? tensor : ggml().ggml_cast(context_, tensor, GGML_TYPE_F32);
    }
    ggml_tensor * changes(const GraphTerm & term, const GraphPlan & plan, Place & place);
    ggml_tensor * elect(const GraphPlan & plan, const std::vector<ggml_tensor *> & changes);
    void place_on_host();
    void free_host() {
        if (pinned_) ggml().ggml_backend_buffer_free(pinned_);
        pinned_ = nullptr;
        plain_.clear();
        host_bytes_ = 0;
    }

    ggml_backend_dev_t device_;
    ggml_backend_t backend_ = nullptr;
    ggml_gallocr_t allocator_ = nullptr;
    ggml_context * context_ = nullptr;
    ggml_cgraph * graph_ = nullptr;
    std::vector<Place> places_;
    ggml_tensor *sum_ = nullptr, *divisor_ = nullptr;
    size_t sum_at_ = 0, divisor_at_ = 0;
    ggml_backend_buffer_t pinned_ = nullptr;  // where the driver can fetch it by itself,
    std::vector<uint8_t> plain_;              // or ordinary memory
    uint8_t * host_ = nullptr;
    size_t host_bytes_ = 0;
    bool busy_ = false, lost_ = false;
};

// --- factors ---

// A left factor goes up as [high, high, low], a right one as [high, low, high], each of eleven bits: the products of the
// pairs add up to the product in float32, up to low * low.
enum class Side { Left, Right };

// What to multiply a factor by before it is split, so that neither it nor its remainders leave F16: a power of two; 1 where
// parts is 1.
float factor_scale(const std::vector<float> & values, unsigned parts);

// count vectors of `rank` numbers -> count vectors of parts * rank.
void split_factor(const float * values, size_t count, size_t rank, unsigned parts, float scale, Side side, float * out);

// rank rows of `columns` -> columns vectors of parts * rank.
std::vector<float> right_factor(const std::vector<float> & a, size_t rank, size_t columns, unsigned parts, float scale);

}  // namespace temperament
