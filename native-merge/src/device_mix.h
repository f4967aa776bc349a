// Mixing on a device that ggml offers (CUDA, Metal, Vulkan): the sum of the vectors' changes, chunk by chunk. The base,
// the last rounding and the writing stay with the CPU, so that they cannot differ between devices.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "contribution.h"
#include "device.h"
#include "gguf.h"
#include "kernels.h"
#include "stretches.h"

namespace temperament {

class DeviceGraph;
struct Abilities;

// A sum that several vectors make in one tensor, as bake_task_vectors() defines it.
struct DeviceSum {
    const GgufTensor & tensor;
    const std::vector<Contribution> & contributions;  // prepared
    const std::vector<Voice> & voices;                // of each contribution
    bool elect;                                       // whether a sign is elected
    bool normalize;                                   // with elect: the divisor of every entry is asked for as well
};

// What came back for a chunk. divisor is null unless the sum has still to be divided, entry by entry, by it (0 counts as 1).
using ChunkWork = std::function<void(uint64_t first, size_t count, const float * sum, const float * divisor)>;

// One job's use of a device. Nothing here throws for what a device does: it is then no longer usable(), with the reason in
// its claim, and the caller goes on with the CPU.
class DeviceMixer {
public:
    // name, errors: as for DeviceClaim. stretch: entries of a chunk, 0 for what suits the device.
    DeviceMixer(const std::string & name, Passes & passes, uint64_t stretch);
    ~DeviceMixer();

    const DeviceClaim & claim() const { return claim_; }
    bool usable() const { return claim_.usable(); }

    // Makes ready for a sum. What keeps the device from computing it, or nothing.
    std::optional<std::string> open(const DeviceSum & sum);
    // Entries of a chunk of the sum that is open.
    uint64_t chunk() const { return chunk_; }
    // Computes entries [first, end), both at chunks' ends, and calls work for each chunk in order, while the device computes
    // the next. Returns where it stopped: at the end, or where the device failed. Throws what reading, work and cancellation
    // throw.
    uint64_t run(const DeviceSum & sum, uint64_t first, uint64_t end, const ChunkWork & work);

private:
    void stage(const DeviceSum & sum, DeviceGraph & slot, uint64_t first, size_t count);
    void fail(const DeviceFailure & failure);

    DeviceClaim claim_;
    Passes & passes_;
    uint64_t stretch_, chunk_ = 0;
    const Abilities * abilities_ = nullptr;
    std::unique_ptr<DeviceGraph> slots_[2];
};

}  // namespace temperament
