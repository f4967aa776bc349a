// Stretch by stretch, as bake multiplies factors out: the same bits.
#include "expand.h"

#include <algorithm>
#include <chrono>

#include "convert.h"
#include "error.h"
#include "ggml_library.h"
#include "stretches.h"
#include "tensor_data.h"

namespace temperament {

namespace {

bool of_adapters_only(const std::string & key) { return key.compare(0, 8, "adapter.") == 0; }

}  // namespace

ExpandResult expand(const ExpandOptions & options, Progress & progress) {
    const auto start = std::chrono::steady_clock::now();
    const VectorFile adapter(options.adapter);
    const std::string & path = options.adapter;
    if (!adapter.is_low_rank()) throw MergeError("mismatch", path + " is a dense vector already.", path);
    if (adapter.file().is_same_file(options.out)) {
        throw MergeError("invalid_argument", "The output " + options.out + " is the adapter itself. Choose another name.",
                         options.out);
    }
    std::vector<GgufTensor> tensors;
    for (const auto & [name, delta] : adapter.deltas()) {
        const uint64_t columns = delta.flipped ? delta.b->rows() : delta.a->shape[0];
        const uint64_t rows = delta.flipped ? delta.a->rows() : delta.b->rows();
        tensors.push_back({name, options.type, {columns, rows}, 0, 0});
        progress.total += columns * rows * 4;
    }
    std::vector<MetadataEntry> metadata;
    for (const auto & entry : adapter.file().metadata()) {
        if (!of_adapters_only(entry.key)) metadata.push_back(entry);
    }
    set_entry(metadata, make_text("general.type", "personality-vector"));
    for (const auto & entry : options.metadata) set_entry(metadata, entry);
    const GgufLayout layout = plan_gguf(metadata, tensors);
    OutputFile out(options.out, layout.total_bytes);
    out.write(layout.header.data(), layout.header.size(), 0);
    Passes passes(thread_count(options.threads), progress);
    for (auto & own : passes.buffers) own.prepare(1);
    for (size_t i = 0; i < tensors.size(); i++) {
        const GgufTensor & tensor = tensors[i];
        progress.set_tensor(tensor.name);
        const DeltaReader reader(adapter, adapter.deltas().at(tensor.name), tensor);
        passes.for_stretches(tensor.entries(), LONG_STRETCH, [&](uint64_t first, size_t count, unsigned worker) {
            Buffers & own = passes.buffers[worker];
            reader.load(first, count, own.loaded[0]);
            own.stored.resize(size_t(entry_bytes(tensor.type, count)));
            if (!from_float(tensor.type, own.loaded[0].floats.data(), own.stored.data(), count)) {
                throw_not_finite(path, tensor.name, "changes by more than " + type_name(tensor.type) + " can hold; use F32");
            }
            out.write(own.stored.data(), own.stored.size(), layout.offsets[i] + entry_bytes(tensor.type, first));
            progress.advance(count * 4);
        });
    }
    progress.check();
    out.commit();
    progress.finish();
    return {tensors.size(), layout.total_bytes,
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()};
}

}  // namespace temperament
