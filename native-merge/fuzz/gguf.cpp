// Fuzz target: whatever bytes a GGUF file has, reading it gives an answer or a MergeError. The input is opened as a file of
// its own, as the first and as the second part of a split model, as a vector and as an importance matrix, and what it
// announces is read.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "../src/convert.h"
#include "../src/error.h"
#include "../src/fingerprint.h"
#include "../src/ggml_library.h"
#include "../src/gguf.h"
#include "../src/imatrix.h"
#include "../src/tensor_data.h"

using namespace temperament;

namespace {

std::string folder, alone, first_part, second_part;

void write_file(const std::string & path, const uint8_t * data, size_t size) {
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || write(file, data, size) != ssize_t(size)) abort();
    close(file);
}

std::string part(uint16_t number) {
    MetadataEntry no{"split.no", ValueType::Uint16, std::string(reinterpret_cast<const char *>(&number), 2)};
    GgufTensor tensor{number ? "second.weight" : "first.weight", GGML_TYPE_F32, {8}, 0, 32};
    std::string bytes = plan_gguf({no, make_uint32("split.count", 2), make_text("general.architecture", "llama")}, {tensor}).header;
    return bytes + std::string(32, '\0');
}

template <typename Work> void attempt(const Work & work) {
    try {
        work();
    } catch (const MergeError & error) {
        if (error.message.empty()) abort();
    }
}

void remove_folder() {
    for (const auto & path : {alone, first_part, second_part}) unlink(path.c_str());
    rmdir(folder.c_str());
}

void read_all(const std::string & path) {
    const GgufFile file(path);
    for (const auto & entry : file.metadata()) {
        string_array(entry);
        whole_number(entry, 0);
        file.text(entry.key);
        file.number(entry.key, 0);
    }
    std::vector<uint8_t> raw;
    std::vector<float> values;
    for (const auto & tensor : file.tensors()) {
        if (file.find_tensor(tensor.name) != &tensor) abort();
        const size_t count = size_t(std::min<uint64_t>(tensor.entries(), STRETCH_UNIT));
        values.resize(count);
        attempt([&] { read_entries(file, tensor, 0, count, values.data(), raw); });
    }
    Progress progress;
    attempt([&] { fingerprint(path, 1, progress); });
    // What can be read can be written, and read again.
    const GgufLayout layout = plan_gguf(file.metadata(), file.tensors());
    for (size_t i = 0; i < file.tensors().size(); i++) {
        if (layout.offsets[i] + file.tensors()[i].bytes > layout.total_bytes) abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int *, char ***) {
    open_ggml(getenv("GGML_BASE"), getenv("GGML"), "", "", {});
    char made[] = "/dev/shm/native-merge-fuzz-XXXXXX";
    folder = mkdtemp(made);
    alone = folder + "/alone.gguf";
    first_part = folder + "/model-00001-of-00002.gguf";
    second_part = folder + "/model-00002-of-00002.gguf";
    atexit(remove_folder);
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t * data, size_t size) {
    static const std::string other_first = part(0), other_second = part(1);
    write_file(alone, data, size);
    attempt([] { read_all(alone); });
    attempt([] { VectorFile vector(alone); vector.check_against(vector.file()); });
    attempt([] { Imatrix matrix(alone); matrix.metadata(); });
    write_file(first_part, data, size);
    write_file(second_part, reinterpret_cast<const uint8_t *>(other_second.data()), other_second.size());
    attempt([] { read_all(first_part); });
    write_file(first_part, reinterpret_cast<const uint8_t *>(other_first.data()), other_first.size());
    write_file(second_part, data, size);
    attempt([] { read_all(second_part); });
    return 0;
}
