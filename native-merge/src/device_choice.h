// Who computes a job's tensors: the CPU, the device that was asked for, or whichever of the two turns out to be faster.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bake.h"
#include "device_mix.h"

namespace temperament {

class DeviceChoice {
public:
    // Computes entries [first, end) of the tensor at hand; a rehearsal stores nothing.
    using OnCpu = std::function<void(uint64_t first, uint64_t end, bool rehearse)>;
    using Finish = std::function<void(uint64_t first, size_t count, const float * sum, const float * divisor, bool rehearse)>;

    // asked: "cpu", "auto", or a device's name (invalid_argument for any other). entries: that the job will change.
    DeviceChoice(const std::string & asked, Passes & passes, uint64_t stretch, uint64_t entries);

    // Computes a whole tensor, on the device as far as that works and is wanted, else by on_cpu.
    void compute(const DeviceSum & sum, const OnCpu & on_cpu, const Finish & finish);
    // The caller computes a tensor without asking, because of this.
    void decline(const std::string & why);

    DeviceUse use() const { return use_; }
    // What a device that was asked for did not do, each reason once.
    const std::vector<std::string> & complaints() const { return complaints_; }

private:
    bool is_faster(const DeviceSum & sum, const OnCpu & on_cpu, const Finish & finish);

    const bool automatic_;
    Passes & passes_;
    std::unique_ptr<DeviceMixer> mixer_;  // null: the CPU
    DeviceUse use_;
    std::vector<std::string> complaints_;
};

}  // namespace temperament
