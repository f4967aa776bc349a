// Devices that ggml offers (CUDA, Metal, Vulkan): who may use one, and what becomes of a failure in its driver.
#pragma once

#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <string>

#include "ggml_library.h"

namespace temperament {

// What computed a job, and why.
struct DeviceUse {
    std::string name = "cpu";  // or the device that computed at least one tensor
    std::string reason;
    uint64_t tensors = 0;  // that the device computed
    // Where "auto" measured: which device, and entries a second there and on the CPU.
    std::string measured;
    double device_rate = 0, cpu_rate = 0;
};

struct DeviceFailure {
    std::string message;
    bool lost = true;  // its memory is in an unknown state
};

// ggml ends the process where a driver reports an error; within guarded() it becomes an exception instead.
// catch_aborts() sees to that, once.
inline thread_local bool is_guarded = false;
void catch_aborts();

template <typename Work> auto guarded(const Work & work) {
    struct Guard {
        Guard() { is_guarded = true; }
        ~Guard() { is_guarded = false; }
    } guard;
    try {
        return work();
    } catch (const DeviceFailure &) {
        throw;
    } catch (const std::exception & error) {
        throw DeviceFailure{error.what()};
    } catch (...) {
        throw DeviceFailure{"unknown error"};
    }
}

// One job's hold on a device; there is one at a time. A device that was lost stays unusable until the process ends.
class DeviceClaim {
public:
    // The name of a device from list_devices() that computes ("gpu" or "igpu"). Throws invalid_argument, with the names that
    // there are, when there is none of that name.
    explicit DeviceClaim(const std::string & name);

    const std::string & name() const { return name_; }
    const std::string & description() const { return description_; }
    ggml_backend_dev_t device() const { return device_; }
    bool usable() const { return failure_.empty(); }
    const std::string & failure() const { return failure_; }
    void fail(const DeviceFailure & failure);

private:
    std::string name_, description_, failure_;
    ggml_backend_dev_t device_ = nullptr;
    std::unique_lock<std::mutex> turn_;
};

// The first device that computes, or nothing.
std::optional<std::string> first_computing_device();

}  // namespace temperament
