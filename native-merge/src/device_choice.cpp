// Choosing by measurement, and falling back to the CPU.
#include "device_choice.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <mutex>

namespace temperament {

namespace {

// Below so many entries a job is done before a device is ready.
constexpr uint64_t WORTH_MEASURING = uint64_t(1) << 25;
// Chunks in a measurement, to see how well sending, computing and storing overlap.
constexpr uint64_t MEASURED_CHUNKS = 4;
// A device this much slower over one chunk is not looked at any longer.
constexpr double HOPELESS = 4;

struct Rates {
    double device, cpu;  // entries a second
};
std::mutex rates_mutex;
std::map<std::string, Rates> measured_rates;

double seconds_of(const std::function<void()> & work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// What a speed depends on.
std::string kind_of(const std::string & device, const DeviceSum & sum, unsigned threads) {
    std::string kind = device + " " + std::to_string(threads) + (sum.elect ? " elect" : "");
    for (const auto & own : sum.contributions) {
        kind += " " + std::to_string(int(own.how()));
        kind += own.is_low_rank() ? "r" + std::to_string(own.reader().rank()) : "t" + std::to_string(own.reader().stored_type());
    }
    return kind;
}

std::string millions(double rate) {
    char text[32];
    snprintf(text, sizeof text, "%.3g", rate / 1e6);
    return text;
}

}  // namespace

DeviceChoice::DeviceChoice(const std::string & asked, Passes & passes, uint64_t stretch, uint64_t entries)
    : automatic_(asked == "auto"), passes_(passes) {
    if (asked == "cpu") {
        use_.reason = "The CPU was asked for.";
        return;
    }
    if (automatic_ && entries < WORTH_MEASURING) {
        use_.reason = "The job is too small for a device to be worth starting.";
        return;
    }
    std::string name = asked;
    if (automatic_) {
        const auto first = first_computing_device();
        if (!first) {
            use_.reason = "There is no device that can merge.";
            return;
        }
        name = *first;
    }
    mixer_ = std::make_unique<DeviceMixer>(name, passes, stretch);
    use_.reason = automatic_ ? "No tensor was large enough to measure " + name + " on." : name + " was asked for.";
    if (!mixer_->usable()) decline(mixer_->claim().failure());
}

void DeviceChoice::decline(const std::string & why) {
    if (!mixer_) return;
    const std::string text = mixer_->claim().name() + " (" + mixer_->claim().description() + ") could not be used: " + why +
                             ". The CPU computed instead.";
    if (use_.tensors == 0) use_.reason = text;
    if (std::find(complaints_.begin(), complaints_.end(), text) == complaints_.end()) complaints_.push_back(text);
}

void DeviceChoice::compute(const DeviceSum & sum, const OnCpu & on_cpu, const Finish & finish) {
    const uint64_t entries = sum.tensor.entries();
    uint64_t done = 0;
    if (mixer_ && mixer_->usable() && !(automatic_ && entries < MEASURED_CHUNKS * (uint64_t(1) << 18))) {
        const std::optional<std::string> obstacle = mixer_->open(sum);
        if (obstacle) {
            decline(*obstacle);
        } else if (!automatic_ || is_faster(sum, on_cpu, finish)) {
            done = mixer_->run(sum, 0, entries, [&](uint64_t first, size_t count, const float * sums, const float * divisors) {
                finish(first, count, sums, divisors, false);
            });
            if (done > 0) {
                use_.tensors++;
                use_.name = mixer_->claim().name();
            }
        }
        if (!obstacle && !mixer_->usable()) decline(mixer_->claim().failure());
    }
    if (done < entries) on_cpu(done, entries, false);
}

bool DeviceChoice::is_faster(const DeviceSum & sum, const OnCpu & on_cpu, const Finish & finish) {
    const std::string kind = kind_of(mixer_->claim().name(), sum, passes_.pool.size());
    std::optional<Rates> rates;
    {
        std::lock_guard lock(rates_mutex);
        const auto found = measured_rates.find(kind);
        if (found != measured_rates.end()) rates = found->second;
    }
    if (!rates) {
        const uint64_t chunk = mixer_->chunk();
        const auto on_device = [&](uint64_t end) {
            mixer_->run(sum, 0, end, [&](uint64_t first, size_t count, const float * sums, const float * divisors) {
                finish(first, count, sums, divisors, true);
            });
        };
        uint64_t end = std::min(MEASURED_CHUNKS * chunk, sum.tensor.entries());
        on_cpu(0, end, true);  // so that both find the files in memory
        double cpu = seconds_of([&] { on_cpu(0, end, true); });
        on_device(chunk);  // the first time is for setting up
        double device = seconds_of([&] { on_device(chunk); });
        if (device * double(end) / double(chunk) < HOPELESS * cpu) {
            device = seconds_of([&] { on_device(end); });
        } else {
            device *= double(end) / double(chunk);
        }
        if (!mixer_->usable()) return false;
        rates = Rates{double(end) / device, double(end) / cpu};
        std::lock_guard lock(rates_mutex);
        measured_rates[kind] = *rates;
    }
    use_.measured = mixer_->claim().name();
    use_.device_rate = rates->device;
    use_.cpu_rate = rates->cpu;
    const bool faster = rates->device > rates->cpu;
    use_.reason = (faster ? mixer_->claim().name() : std::string("The CPU")) + " is faster here: " + millions(rates->device) +
                  " million weights a second on " + mixer_->claim().name() + " (" + mixer_->claim().description() + "), " +
                  millions(rates->cpu) + " on the CPU.";
    return faster;
}

}  // namespace temperament
