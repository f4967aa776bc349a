// Threads, progress and cancellation of one job: work is cut into numbered pieces, and a piece's result may depend on
// its number only, never on the thread that took it, so results are the same for any thread count.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace temperament {

// Shared between a job's worker threads and whoever watches it.
struct Progress {
    std::atomic<uint64_t> done{0};
    uint64_t total = 0;  // set before the first report
    std::atomic<bool> cancelled{false};
    // Called from any worker thread at most about 20 times a second, and once at the end.
    std::function<void(uint64_t done, uint64_t total, const std::string & tensor)> report;

    void set_tensor(const std::string & name);
    void advance(uint64_t amount);
    void finish();
    // Throws 'cancelled' once the job was asked to stop.
    void check() const;

private:
    std::mutex mutex_;
    std::string tensor_;
    std::atomic<int64_t> last_report_ms_{0};
};

// A fixed set of threads. run() takes part with the calling thread, so a pool of one starts no thread at all.
class ThreadPool {
public:
    explicit ThreadPool(unsigned threads);
    ~ThreadPool();
    ThreadPool(const ThreadPool &) = delete;
    ThreadPool & operator=(const ThreadPool &) = delete;

    unsigned size() const { return unsigned(threads_.size()) + 1; }

    // Calls work(piece, worker) for every piece in [0, pieces), each once, in increasing order of start; worker is in
    // [0, size()). Returns when all are done. If pieces throw, the exception of the lowest-numbered one is rethrown and
    // pieces not yet started are skipped.
    void run(size_t pieces, const std::function<void(size_t piece, unsigned worker)> & work);

private:
    void take_pieces(unsigned worker);

    std::vector<std::thread> threads_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable idle_;
    const std::function<void(size_t, unsigned)> * work_ = nullptr;
    size_t pieces_ = 0;
    std::atomic<size_t> next_{0};
    std::atomic<bool> failed_{false};
    size_t failed_piece_ = 0;
    std::exception_ptr failure_;
    uint64_t generation_ = 0;
    unsigned running_ = 0;
    bool stopping_ = false;
};

// The asked number, or the CPUs this process may use when 0 is asked; in 1 ... 256.
unsigned thread_count(unsigned asked);

}  // namespace temperament
