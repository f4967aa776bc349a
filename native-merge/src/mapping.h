// Files mapped into memory. The kernel then copies nothing, and reading overlaps with computing. What cannot be read (a file
// was cut meanwhile, a disk fails) comes as zeros and is told by lost(), where a signal would otherwise end the process.
#pragma once

#include <cstddef>
#include <cstdint>

namespace temperament {

class Mapping {
public:
    // Of an open file. Maps nothing where the system cannot (anything but Linux; TEMPERAMENT_MAP=off): data() is null then.
    Mapping(intptr_t handle, uint64_t bytes);
    ~Mapping();
    Mapping(const Mapping &) = delete;
    Mapping & operator=(const Mapping &) = delete;

    const uint8_t * data() const { return data_; }
    // Lets go of the memory behind these bytes, which may be viewed again.
    void release(uint64_t offset, uint64_t bytes) const;
    // Whether some of what was viewed could not be read.
    bool lost() const;

private:
    uint8_t * data_ = nullptr;
    uint64_t bytes_ = 0;
    size_t slot_ = 0;
};

}  // namespace temperament
