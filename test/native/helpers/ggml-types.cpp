// ggml asked directly, so that the addon's reading is checked against it: without arguments the types that it can
// dequantise, as lines "id name block-size block-bytes"; with a type id and a number of entries, stored blocks from
// standard input as float32 on standard output.
#include <dlfcn.h>
#include <ggml.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

int main(int count, char ** arguments) {
    void * library = dlopen(arguments[1], RTLD_NOW);
    if (!library) return fprintf(stderr, "%s\n", dlerror()), 1;
    const auto traits = reinterpret_cast<decltype(&ggml_get_type_traits)>(dlsym(library, "ggml_get_type_traits"));
    if (count < 4) {
        for (int type = 0; type < GGML_TYPE_COUNT; type++) {
            const ggml_type_traits * t = traits(ggml_type(type));
            if (!t->to_float || t->blck_size == 0) continue;
            printf("%d %s %lld %zu\n", type, t->type_name, static_cast<long long>(t->blck_size), t->type_size);
        }
        return 0;
    }
    const ggml_type_traits * t = traits(ggml_type(atoi(arguments[2])));
    const size_t entries = size_t(atoll(arguments[3]));
    std::vector<unsigned char> stored(entries / size_t(t->blck_size) * t->type_size);
    std::vector<float> values(entries);
    if (fread(stored.data(), 1, stored.size(), stdin) != stored.size()) return 1;
    t->to_float(stored.data(), values.data(), int64_t(entries));
    return fwrite(values.data(), sizeof(float), entries, stdout) == entries ? 0 : 1;
}
