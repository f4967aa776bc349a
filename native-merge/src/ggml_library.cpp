// Opening the libraries of ggml and llama.cpp and asking them about types and devices.
#include "ggml_library.h"

#include <cctype>
#include <mutex>

#ifdef _WIN32
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#include "error.h"

namespace temperament {

namespace {

GgmlFunctions functions;
bool opened = false;
std::string llama_file;
struct {
    std::string folder;
    std::vector<std::string> extra;
} backends;

#ifdef _WIN32
void * open_library(const std::string & path) {
    // The altered search path lets the library find its neighbours.
    const int length = MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, nullptr, 0);
    std::wstring wide(size_t(length), L'\0');
    MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, wide.data(), length);
    void * handle = LoadLibraryExW(wide.c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
    if (!handle) throw MergeError("io", "The library " + path + " could not be opened. Run npm install.", path);
    return handle;
}
void * find_symbol(void * library, const char * name) {
    return reinterpret_cast<void *>(GetProcAddress(static_cast<HMODULE>(library), name));
}
#else
void * open_library(const std::string & path) {
    // Local: node-llama-cpp's own copy may live in the same process.
    void * handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        const char * reason = dlerror();
        throw MergeError("io", "The library " + path + " could not be opened (" +
                                   (reason ? reason : "unknown reason") + "). Run npm install.", path);
    }
    return handle;
}
void * find_symbol(void * library, const char * name) { return dlsym(library, name); }
#endif

template <typename Function>
void bind(void * library, const std::string & path, const char * name, Function & slot) {
    slot = reinterpret_cast<Function>(find_symbol(library, name));
    if (!slot) throw MergeError("io", "The library " + path + " has no function " + name + ". Run npm install.", path);
}

}  // namespace

void open_ggml(const std::string & base, const std::string & main, const std::string & llama,
               const std::string & backends_folder, const std::vector<std::string> & extra) {
    if (opened) return;
    llama_file = llama;
    backends = {backends_folder, extra};
    void * base_library = open_library(base);
    void * main_library = open_library(main);
#define TEMPERAMENT_BIND(name) bind(base_library, base, #name, functions.name);
    TEMPERAMENT_GGML_BASE(TEMPERAMENT_BIND)
#undef TEMPERAMENT_BIND
#define TEMPERAMENT_BIND(name) bind(main_library, main, #name, functions.name);
    TEMPERAMENT_GGML(TEMPERAMENT_BIND)
#undef TEMPERAMENT_BIND
    // Standard error belongs to the host; what matters reaches it as an exception.
    functions.ggml_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
    opened = true;
}

const GgmlFunctions & ggml() {
    if (!opened) throw MergeError("io", "The ggml libraries are not open.");
    return functions;
}

const LlamaFunctions & llama() {
    static const LlamaFunctions functions = [] {
        LlamaFunctions found;
        void * library = open_library(llama_file);
#define TEMPERAMENT_BIND(name) bind(library, llama_file, #name, found.name);
        TEMPERAMENT_LLAMA(TEMPERAMENT_BIND)
#undef TEMPERAMENT_BIND
        return found;
    }();
    return functions;
}

bool is_known_type(uint32_t type) {
    return type < GGML_TYPE_COUNT && ggml().ggml_blck_size(ggml_type(type)) > 0 &&
           ggml().ggml_type_size(ggml_type(type)) > 0;
}

std::string type_name(uint32_t type) {
    if (!is_known_type(type)) return "type " + std::to_string(type);
    std::string name = ggml().ggml_type_name(ggml_type(type));
    for (char & c : name) c = char(std::toupper(static_cast<unsigned char>(c)));
    return name;
}

std::vector<ggml_backend_dev_t> load_backends() {
    static std::once_flag once;
    std::call_once(once, [] {
        ggml().ggml_backend_load_all_from_path(backends.folder.c_str());
        for (const auto & path : backends.extra) ggml().ggml_backend_load(path.c_str());
    });
    std::vector<ggml_backend_dev_t> devices;
    for (size_t i = 0; i < ggml().ggml_backend_dev_count(); i++) devices.push_back(ggml().ggml_backend_dev_get(i));
    return devices;
}

std::vector<Device> list_devices() {
    std::vector<Device> devices;
    for (ggml_backend_dev_t device : load_backends()) {
        size_t free_bytes = 0, total_bytes = 0;
        ggml().ggml_backend_dev_memory(device, &free_bytes, &total_bytes);
        const char * type = "accel";
        switch (ggml().ggml_backend_dev_type(device)) {
            case GGML_BACKEND_DEVICE_TYPE_CPU: type = "cpu"; break;
            case GGML_BACKEND_DEVICE_TYPE_GPU: type = "gpu"; break;
            case GGML_BACKEND_DEVICE_TYPE_IGPU: type = "igpu"; break;
            default: break;
        }
        devices.push_back({ggml().ggml_backend_dev_name(device), ggml().ggml_backend_dev_description(device), type,
                           total_bytes, free_bytes});
    }
    return devices;
}

}  // namespace temperament
