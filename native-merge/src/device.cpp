// Finding devices and taking turns on them.
#include "device.h"

#include <cstdio>
#include <map>
#include <vector>

#include "error.h"

namespace temperament {

namespace {

struct Known {
    std::mutex in_use;
    std::string lost;  // why, if it was
};
Known & known(const std::string & name) {
    static std::mutex mutex;
    static std::map<std::string, Known> all;
    std::lock_guard lock(mutex);
    return all[name];
}

std::vector<ggml_backend_dev_t> computing_devices() {
    std::vector<ggml_backend_dev_t> found;
    for (ggml_backend_dev_t device : load_backends()) {
        const auto type = ggml().ggml_backend_dev_type(device);
        if (type == GGML_BACKEND_DEVICE_TYPE_GPU || type == GGML_BACKEND_DEVICE_TYPE_IGPU) found.push_back(device);
    }
    return found;
}

}  // namespace

void catch_aborts() {
    ggml().ggml_set_abort_callback([](const char * message) {
        if (is_guarded) throw DeviceFailure{message};
        fprintf(stderr, "%s\n", message);
    });
}

std::optional<std::string> first_computing_device() {
    const auto devices = computing_devices();
    if (devices.empty()) return std::nullopt;
    return ggml().ggml_backend_dev_name(devices.front());
}

DeviceClaim::DeviceClaim(const std::string & name) : name_(name) {
    std::string names = "auto, cpu";
    for (ggml_backend_dev_t candidate : computing_devices()) {
        const std::string found = ggml().ggml_backend_dev_name(candidate);
        names += ", " + found;
        if (found == name) device_ = candidate;
    }
    if (!device_) {
        throw MergeError("invalid_argument", "There is no device '" + name + "' that can merge. Choose one of: " + names + ".");
    }
    description_ = ggml().ggml_backend_dev_description(device_);
    catch_aborts();
    Known & own = known(name);
    turn_ = std::unique_lock(own.in_use, std::try_to_lock);
    if (!turn_.owns_lock()) {
        failure_ = "it is busy with another job";
    } else if (!own.lost.empty()) {
        failure_ = "it has failed (" + own.lost + ") and can only be used again after a restart";
    }
}

void DeviceClaim::fail(const DeviceFailure & failure) {
    failure_ = failure.message;
    if (failure.lost && turn_.owns_lock()) known(name_).lost = failure.message;
}

}  // namespace temperament
