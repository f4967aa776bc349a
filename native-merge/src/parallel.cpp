// Thread pool and progress bookkeeping.
#include "parallel.h"

#include <algorithm>
#include <chrono>

#ifdef __linux__
#include <sched.h>
#endif

#include "error.h"

namespace temperament {

namespace {
constexpr int64_t REPORT_EVERY_MS = 50;

int64_t now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}
}  // namespace

void Progress::set_tensor(const std::string & name) {
    std::lock_guard lock(mutex_);
    tensor_ = name;
}

void Progress::advance(uint64_t amount) {
    done.fetch_add(amount);
    if (!report) return;
    int64_t last = last_report_ms_.load();
    const int64_t now = now_ms();
    if (now - last < REPORT_EVERY_MS || !last_report_ms_.compare_exchange_strong(last, now)) return;
    std::lock_guard lock(mutex_);
    // Read under the lock, so that reports of two threads never go back.
    report(std::min(done.load(), total), total, tensor_);
}

void Progress::finish() {
    if (!report) return;
    std::lock_guard lock(mutex_);
    report(total, total, tensor_);
}

void Progress::check() const {
    if (cancelled.load(std::memory_order_relaxed)) throw MergeError("cancelled", "Cancelled; nothing was written.");
}

ThreadPool::ThreadPool(unsigned threads) {
    for (unsigned worker = 1; worker < threads; worker++) {
        threads_.emplace_back([this, worker] {
            uint64_t seen = 0;
            for (;;) {
                {
                    std::unique_lock lock(mutex_);
                    wake_.wait(lock, [&] { return stopping_ || generation_ != seen; });
                    if (stopping_) return;
                    seen = generation_;
                }
                take_pieces(worker);
                std::lock_guard lock(mutex_);
                if (--running_ == 0) idle_.notify_one();
            }
        });
    }
}

ThreadPool::~ThreadPool() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    for (auto & thread : threads_) thread.join();
}

void ThreadPool::run(size_t pieces, const std::function<void(size_t, unsigned)> & work) {
    if (pieces == 0) return;
    work_ = &work;
    pieces_ = pieces;
    next_ = 0;
    failed_ = false;
    failed_piece_ = pieces;
    failure_ = nullptr;
    const bool alone = pieces == 1 || threads_.empty();
    if (!alone) {
        std::lock_guard lock(mutex_);
        running_ = unsigned(threads_.size());
        generation_++;
        wake_.notify_all();
    }
    take_pieces(0);
    if (!alone) {
        std::unique_lock lock(mutex_);
        idle_.wait(lock, [&] { return running_ == 0; });
    }
    if (failure_) std::rethrow_exception(failure_);
}

void ThreadPool::take_pieces(unsigned worker) {
    for (;;) {
        if (failed_.load(std::memory_order_relaxed)) return;
        const size_t piece = next_.fetch_add(1);
        if (piece >= pieces_) return;
        try {
            (*work_)(piece, worker);
        } catch (...) {
            std::lock_guard lock(mutex_);
            failed_ = true;
            if (piece < failed_piece_) {
                failed_piece_ = piece;
                failure_ = std::current_exception();
            }
        }
    }
}

unsigned thread_count(unsigned asked) {
    unsigned count = asked;
    if (count == 0) {
#ifdef __linux__
        // Containers restrict the CPU set; hardware_concurrency follows it only in some C libraries.
        cpu_set_t allowed;
        if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) count = unsigned(CPU_COUNT(&allowed));
#endif
        if (count == 0) count = std::thread::hardware_concurrency();
    }
    return std::clamp(count, 1u, 256u);
}

}  // namespace temperament
