// ggml and llama.cpp as node-llama-cpp ships them: opened at run time, so that one build of the addon serves every variant of the
// libraries (CPU, CUDA, Vulkan, Metal) and the folder may move. The headers only lend their types.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ggml-alloc.h>
#include <ggml-backend.h>
#include <ggml.h>
#include <llama.h>

namespace temperament {

// Every ggml function that the addon calls. The first list is in libggml-base, the second in libggml.
#define TEMPERAMENT_GGML_BASE(X) \
    X(ggml_log_set)              \
    X(ggml_set_abort_callback)   \
    X(ggml_type_name)            \
    X(ggml_blck_size)            \
    X(ggml_type_size)            \
    X(ggml_get_type_traits)      \
    X(ggml_quantize_chunk)       \
    X(ggml_quantize_requires_imatrix) \
    X(ggml_validate_row_data)    \
    X(ggml_backend_dev_name)     \
    X(ggml_backend_dev_description) \
    X(ggml_backend_dev_memory)   \
    X(ggml_backend_dev_type)     \
    X(ggml_backend_dev_init)     \
    X(ggml_backend_dev_supports_op) \
    X(ggml_backend_dev_host_buffer_type) \
    X(ggml_backend_buft_alloc_buffer) \
    X(ggml_backend_buffer_get_base) \
    X(ggml_backend_buffer_free)  \
    X(ggml_backend_get_default_buffer_type) \
    X(ggml_backend_tensor_set)   \
    X(ggml_backend_tensor_set_async) \
    X(ggml_backend_tensor_get_async) \
    X(ggml_backend_graph_compute_async) \
    X(ggml_backend_synchronize)  \
    X(ggml_backend_free)         \
    X(ggml_gallocr_new)          \
    X(ggml_gallocr_alloc_graph)  \
    X(ggml_gallocr_free)         \
    X(ggml_tensor_overhead)      \
    X(ggml_graph_overhead_custom) \
    X(ggml_init)                 \
    X(ggml_free)                 \
    X(ggml_new_graph_custom)     \
    X(ggml_build_forward_expand) \
    X(ggml_graph_n_nodes)        \
    X(ggml_graph_node)           \
    X(ggml_new_tensor_1d)        \
    X(ggml_new_tensor_2d)        \
    X(ggml_set_input)            \
    X(ggml_set_output)           \
    X(ggml_nbytes)               \
    X(ggml_cast)                 \
    X(ggml_abs)                  \
    X(ggml_neg)                  \
    X(ggml_step)                 \
    X(ggml_relu)                 \
    X(ggml_add)                  \
    X(ggml_sub)                  \
    X(ggml_mul)                  \
    X(ggml_scale)                \
    X(ggml_scale_bias)           \
    X(ggml_mul_mat)              \
    X(ggml_cpy)                  \
    X(ggml_transpose)            \
    X(ggml_backend_alloc_ctx_tensors) \
    X(ggml_backend_tensor_get)   \
    X(ggml_backend_graph_compute) \
    X(ggml_prec_set_acc)         \
    X(ggml_reshape_1d)
#define TEMPERAMENT_GGML(X)           \
    X(ggml_backend_load)              \
    X(ggml_backend_load_all_from_path) \
    X(ggml_backend_dev_count)         \
    X(ggml_backend_dev_get)

// In libllama, which only quantising needs.
#define TEMPERAMENT_LLAMA(X)                \
    X(llama_log_set)                        \
    X(llama_model_quantize_default_params)  \
    X(llama_model_quantize)

struct GgmlFunctions {
#define TEMPERAMENT_DECLARE(name) decltype(&::name) name = nullptr;
    TEMPERAMENT_GGML_BASE(TEMPERAMENT_DECLARE)
    TEMPERAMENT_GGML(TEMPERAMENT_DECLARE)
};

struct LlamaFunctions {
    TEMPERAMENT_LLAMA(TEMPERAMENT_DECLARE)
#undef TEMPERAMENT_DECLARE
};

// Opens libggml-base and libggml. Call once, before anything else.
// base, main: the library files; throws 'io' when one cannot be opened or lacks a function. llama: the file of libllama,
// which is opened when it is first needed. backends_folder and extra: what load_backends() will load.
void open_ggml(const std::string & base, const std::string & main, const std::string & llama,
               const std::string & backends_folder, const std::vector<std::string> & extra);

// The functions; throws when open_ggml has not succeeded.
const GgmlFunctions & ggml();

// Those of libllama; throws 'io' when it cannot be opened or lacks one.
const LlamaFunctions & llama();

// True for a type id that this ggml can size (removed and unknown ids are not).
bool is_known_type(uint32_t type);

// Upper-case name as tools print it: "F32", "BF16", "Q8_0", "Q4_K"; "type 99" for an unknown id.
std::string type_name(uint32_t type);

struct Device {
    std::string name;
    std::string description;
    std::string type;  // "cpu", "gpu", "igpu" or "accel"
    uint64_t memory_total;  // bytes
    uint64_t memory_free;   // bytes
};

// Loads the backends of a folder and some single files, once per process, and returns the devices that they offer. A backend
// that cannot be loaded, for example for want of a driver, is left out silently.
std::vector<ggml_backend_dev_t> load_backends();

std::vector<Device> list_devices();

}  // namespace temperament
