// Mapped files on Linux, and what happens to pages that cannot be read.
#include "mapping.h"

#ifdef __linux__
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <sys/mman.h>
#include <unistd.h>
#endif

namespace temperament {

#ifdef __linux__

namespace {

// The mappings, where a signal handler can look them up: never freed, no locks.
struct Slot {
    std::atomic<bool> taken{false}, lost{false};
    std::atomic<uintptr_t> from{0}, to{0};
};
Slot slots[256];

struct sigaction previous;
uintptr_t page_size;

// Puts a page of zeros in the place of one that cannot be read, so that the thread goes on.
void on_bus_error(int signal, siginfo_t * info, void * context) {
    const int error = errno;
    const auto at = reinterpret_cast<uintptr_t>(info->si_addr);
    for (Slot & slot : slots) {
        if (at < slot.from || at >= slot.to) continue;
        slot.lost = true;
        void * page = reinterpret_cast<void *>(at / page_size * page_size);
        if (mmap(page, page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) break;
        errno = error;
        return;
    }
    // Not ours: as if this handler did not exist.
    if (previous.sa_flags & SA_SIGINFO) return previous.sa_sigaction(signal, info, context);
    if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) return previous.sa_handler(signal);
    sigaction(signal, &previous, nullptr);
}

bool install() {
    const char * asked = std::getenv("TEMPERAMENT_MAP");
    if (asked && strcmp(asked, "off") == 0) return false;
    page_size = uintptr_t(sysconf(_SC_PAGESIZE));
    struct sigaction own = {};
    own.sa_sigaction = on_bus_error;
    own.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&own.sa_mask);
    return sigaction(SIGBUS, &own, &previous) == 0;
}

}  // namespace

Mapping::Mapping(intptr_t handle, uint64_t bytes) : bytes_(bytes) {
    static const bool installed = install();
    if (!installed || bytes == 0) return;
    while (slot_ < std::size(slots) && slots[slot_].taken.exchange(true)) slot_++;
    if (slot_ == std::size(slots)) return;
    Slot & slot = slots[slot_];
    void * mapped = mmap(nullptr, size_t(bytes), PROT_READ, MAP_SHARED, int(handle), 0);
    if (mapped == MAP_FAILED) {
        slot.taken = false;
        return;
    }
    data_ = static_cast<uint8_t *>(mapped);
    slot.lost = false;
    slot.from = reinterpret_cast<uintptr_t>(mapped);
    slot.to = slot.from + uintptr_t(bytes);
}

Mapping::~Mapping() {
    if (!data_) return;
    Slot & slot = slots[slot_];
    slot.from = slot.to = 0;
    munmap(data_, size_t(bytes_));
    slot.taken = false;
}

void Mapping::release(uint64_t offset, uint64_t bytes) const {
    if (!data_) return;
    const uint64_t from = (offset + page_size - 1) / page_size * page_size, to = (offset + bytes) / page_size * page_size;
    if (to > from) madvise(data_ + from, size_t(to - from), MADV_DONTNEED);
}

bool Mapping::lost() const { return data_ && slots[slot_].lost; }

#else

Mapping::Mapping(intptr_t, uint64_t bytes) : bytes_(bytes) {}
Mapping::~Mapping() = default;
void Mapping::release(uint64_t, uint64_t) const {}
bool Mapping::lost() const { return false; }

#endif

}  // namespace temperament
