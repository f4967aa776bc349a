// The JavaScript face of the engine: turns option objects into structs, runs jobs on a thread of their own, and turns
// results and errors back. index.js is the only caller and has checked its arguments.
#include <napi.h>

#include <cstring>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "assemble.h"
#include "bake.h"
#include "compare.h"
#include "convert.h"
#include "error.h"
#include "expand.h"
#include "extract.h"
#include "factorize.h"
#include "fingerprint.h"
#include "ggml_library.h"
#include "gguf.h"
#include "quantize.h"

namespace temperament {

namespace {

// --- JavaScript values -> options ---

std::string get_text(const Napi::Object & options, const char * key) {
    return options.Get(key).ToString().Utf8Value();
}
double get_number(const Napi::Object & options, const char * key) { return options.Get(key).ToNumber().DoubleValue(); }
bool has(const Napi::Object & options, const char * key) { return !options.Get(key).IsUndefined(); }

uint64_t get_uint64(const Napi::Value & value) {
    bool lossless = true;
    return value.IsBigInt() ? value.As<Napi::BigInt>().Uint64Value(&lossless) : uint64_t(value.ToNumber().Int64Value());
}

uint32_t get_type(const Napi::Object & options, const char * key = "type") {
    const std::string type = get_text(options, key);
    if (type == "f32") return GGML_TYPE_F32;
    if (type == "f16") return GGML_TYPE_F16;
    if (type == "bf16") return GGML_TYPE_BF16;
    return GGML_TYPE_Q8_0;
}

std::vector<MetadataEntry> get_metadata(const Napi::Object & options) {
    std::vector<MetadataEntry> entries;
    if (!has(options, "metadata")) return entries;
    const Napi::Object metadata = options.Get("metadata").As<Napi::Object>();
    const Napi::Array keys = metadata.GetPropertyNames();
    for (uint32_t i = 0; i < keys.Length(); i++) {
        const std::string key = keys.Get(i).ToString().Utf8Value();
        const Napi::Value value = metadata.Get(key);
        if (value.IsString()) {
            entries.push_back(make_text(key, value.ToString().Utf8Value()));
        } else if (value.IsBoolean()) {
            entries.push_back(make_bool(key, value.ToBoolean().Value()));
        } else if (value.IsBigInt()) {
            entries.push_back(make_uint64(key, get_uint64(value)));
        } else {
            const double number = value.ToNumber().DoubleValue();
            const bool whole = number == double(int64_t(number)) && number > -9.1e15 && number < 9.1e15;
            if (whole && number >= 0 && number <= 4294967295.0) {
                entries.push_back(make_uint32(key, uint32_t(number)));
            } else if (whole) {
                entries.push_back(make_int64(key, int64_t(number)));
            } else {
                entries.push_back(make_float64(key, number));
            }
        }
    }
    return entries;
}

// An array of [key, type, value], by the types' names in index.js.
std::vector<MetadataEntry> get_typed_metadata(const Napi::Object & options) {
    std::vector<MetadataEntry> entries;
    const Napi::Array list = options.Get("metadata").As<Napi::Array>();
    for (uint32_t i = 0; i < list.Length(); i++) {
        const Napi::HandleScope scope(options.Env());
        const Napi::Array entry = list.Get(i).As<Napi::Array>();
        const std::string key = entry.Get(0u).ToString().Utf8Value(), type = entry.Get(1u).ToString().Utf8Value();
        const Napi::Value value = entry.Get(2u);
        if (type == "string") {
            entries.push_back(make_text(key, value.ToString().Utf8Value()));
        } else if (type == "bool") {
            entries.push_back(make_bool(key, value.ToBoolean().Value()));
        } else if (type == "uint32") {
            entries.push_back(make_uint32(key, value.ToNumber().Uint32Value()));
        } else if (type == "float32") {
            entries.push_back(make_float32(key, value.ToNumber().FloatValue()));
        } else if (type == "strings") {
            const Napi::Array strings = value.As<Napi::Array>();
            std::vector<std::string> texts;
            for (uint32_t k = 0; k < strings.Length(); k++) {
                const Napi::HandleScope inner(options.Env());
                texts.push_back(strings.Get(k).ToString().Utf8Value());
            }
            entries.push_back(make_texts(key, texts));
        } else if (type == "int32s") {
            const auto numbers = value.As<Napi::Int32Array>();
            entries.push_back(make_array(key, ValueType::Int32, numbers.Data(), numbers.ElementLength(), 4));
        } else {
            const auto numbers = value.As<Napi::Float32Array>();
            entries.push_back(make_array(key, ValueType::Float32, numbers.Data(), numbers.ElementLength(), 4));
        }
    }
    return entries;
}

AssembledTensor get_assembled(const Napi::Object & given) {
    AssembledTensor tensor;
    tensor.target.name = get_text(given, "name");
    tensor.target.type = get_type(given);
    const Napi::Array shape = given.Get("shape").As<Napi::Array>();
    for (uint32_t d = 0; d < shape.Length(); d++) tensor.target.shape.push_back(uint64_t(shape.Get(d).ToNumber().Int64Value()));
    if (has(given, "values")) {
        const auto values = given.Get("values").As<Napi::Float32Array>();
        tensor.values.assign(values.Data(), values.Data() + values.ElementLength());
        tensor.type = GGML_TYPE_F32;
    } else {
        tensor.path = get_text(given, "path");
        tensor.type = get_type(given, "sourceType");
        tensor.offset = uint64_t(get_number(given, "offset"));
    }
    tensor.heads = uint64_t(get_number(given, "heads"));
    tensor.scale = float(get_number(given, "scale"));
    tensor.shift = float(get_number(given, "shift"));
    return tensor;
}

// 'none', 'density', 'l1', or true and false for density and none.
Rescale get_rescale(const Napi::Value & value) {
    const std::string name = value.ToString().Utf8Value();
    if (name == "l1") return Rescale::L1;
    return name == "density" || name == "true" ? Rescale::Density : Rescale::None;
}

bool get_flag(const Napi::Object & options, const char * key, bool fallback) {
    return has(options, key) ? options.Get(key).ToBoolean().Value() : fallback;
}

// An array of numbers.
WeightPoints get_points(const Napi::Object & options, const char * key) {
    const Napi::Array array = options.Get(key).As<Napi::Array>();
    WeightPoints points;
    for (uint32_t i = 0; i < array.Length(); i++) points.push_back(array.Get(i).ToNumber().DoubleValue());
    return points;
}

BakeVector get_vector(const Napi::Object & given) {
    BakeVector vector{get_text(given, "path"), get_text(given, "id"), get_points(given, "weight"), {},
                      get_number(given, "density")};
    const Napi::Array rules = given.Get("weights").As<Napi::Array>();
    for (uint32_t i = 0; i < rules.Length(); i++) {
        const Napi::Object rule = rules.Get(i).As<Napi::Object>();
        vector.rules.push_back({get_text(rule, "filter"), get_points(rule, "weight")});
    }
    return vector;
}

unsigned get_threads(const Napi::Object & options) {
    return has(options, "threads") ? unsigned(get_number(options, "threads")) : 0;
}

// --- results -> JavaScript values ---

Napi::Value number_value(Napi::Env env, int64_t value) {
    constexpr int64_t safe = (int64_t(1) << 53) - 1;
    if (value > safe || value < -safe) return Napi::BigInt::New(env, value);
    return Napi::Number::New(env, double(value));
}
Napi::Value number_value(Napi::Env env, uint64_t value) {
    if (value > (uint64_t(1) << 53) - 1) return Napi::BigInt::New(env, value);
    return Napi::Number::New(env, double(value));
}

Napi::Object error_value(Napi::Env env, const MergeError & error) {
    Napi::Object value = Napi::Object::New(env);
    value.Set("code", error.code);
    value.Set("message", error.message);
    if (!error.file.empty()) value.Set("file", error.file);
    if (!error.tensor.empty()) value.Set("tensor", error.tensor);
    return value;
}

template <typename Number> Number read_as(const char * raw) {
    Number value;
    memcpy(&value, raw, sizeof value);
    return value;
}

// One value at raw; moves raw behind it.
Napi::Value metadata_value(Napi::Env env, ValueType type, const char *& raw) {
    const char * at = raw;
    switch (type) {
        case ValueType::Uint8: raw += 1; return Napi::Number::New(env, read_as<uint8_t>(at));
        case ValueType::Int8: raw += 1; return Napi::Number::New(env, read_as<int8_t>(at));
        case ValueType::Bool: raw += 1; return Napi::Boolean::New(env, *at != 0);
        case ValueType::Uint16: raw += 2; return Napi::Number::New(env, read_as<uint16_t>(at));
        case ValueType::Int16: raw += 2; return Napi::Number::New(env, read_as<int16_t>(at));
        case ValueType::Uint32: raw += 4; return Napi::Number::New(env, read_as<uint32_t>(at));
        case ValueType::Int32: raw += 4; return Napi::Number::New(env, read_as<int32_t>(at));
        case ValueType::Float32: raw += 4; return Napi::Number::New(env, double(read_as<float>(at)));
        case ValueType::Uint64: raw += 8; return number_value(env, read_as<uint64_t>(at));
        case ValueType::Int64: raw += 8; return number_value(env, read_as<int64_t>(at));
        case ValueType::Float64: raw += 8; return Napi::Number::New(env, read_as<double>(at));
        case ValueType::String: {
            const auto length = read_as<uint64_t>(at);
            raw += 8 + length;
            return Napi::String::New(env, at + 8, size_t(length));
        }
        case ValueType::Array: {
            const auto element = ValueType(read_as<uint32_t>(at));
            const auto count = read_as<uint64_t>(at + 4);
            raw += 12;
            Napi::Array array = Napi::Array::New(env, size_t(count));
            for (uint64_t i = 0; i < count; i++) {
                Napi::HandleScope scope(env);
                array.Set(uint32_t(i), metadata_value(env, element, raw));
            }
            return array;
        }
    }
    return env.Undefined();
}

// --- jobs ---

// Work on a thread of its own, reporting through the event loop.
class Job {
public:
    using Finish = std::function<Napi::Value(Napi::Env)>;
    // Runs off the JavaScript thread; returns how to make the result there.
    using Work = std::function<Finish(Progress &)>;

    // on_progress may be undefined. Returns {promise, cancel}; the promise is rejected with a plain object that
    // index.js makes a NativeMergeError of.
    static Napi::Value start(Napi::Env env, Napi::Value on_progress, Work work);

    // Cancels and awaits the jobs of an environment that is going away.
    static void stop_all(void * environment);

private:
    struct Report {
        uint64_t done, total;
        std::string tensor;
    };
    struct Shared {
        explicit Shared(Napi::Env env) : env(env), deferred(env) {}
        const napi_env env;
        Progress progress;
        Napi::Promise::Deferred deferred;
        Napi::FunctionReference on_progress;
        std::thread thread;
        // The event loop is going away: it must not be called again.
        bool closing = false;
    };
    static std::mutex mutex;
    static std::set<std::shared_ptr<Shared>> running;
};

std::mutex Job::mutex;
std::set<std::shared_ptr<Job::Shared>> Job::running;

void Job::stop_all(void * environment) {
    std::vector<std::shared_ptr<Shared>> mine;
    {
        std::lock_guard lock(mutex);
        for (const auto & job : running) {
            if (job->env == static_cast<napi_env>(environment)) mine.push_back(job);
        }
        for (const auto & job : mine) running.erase(job);
    }
    for (const auto & job : mine) job->progress.cancelled = true;
    for (const auto & job : mine) {
        if (job->thread.joinable()) job->thread.join();
    }
}

Napi::Value Job::start(Napi::Env env, Napi::Value on_progress, Work work) {
    auto job = std::make_shared<Shared>(env);
    const bool reports = on_progress.IsFunction();
    if (reports) job->on_progress = Napi::Persistent(on_progress.As<Napi::Function>());
    auto events = Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, [](const Napi::CallbackInfo &) {}),
                                                "native-merge job", 0, 1);
    if (reports) {
        job->progress.report = [job = job.get(), events](uint64_t done, uint64_t total, const std::string & tensor) mutable {
            if (job->closing) return;
            auto * report = new Report{done, total, tensor};
            const napi_status status = events.NonBlockingCall(report, [job](Napi::Env env, Napi::Function, Report * report) {
                const std::unique_ptr<Report> owned(report);
                Napi::Object value = Napi::Object::New(env);
                value.Set("done", double(report->done));
                value.Set("total", double(report->total));
                value.Set("unit", "bytes");
                if (!report->tensor.empty()) value.Set("tensor", report->tensor);
                job->on_progress.Call({value});
            });
            if (status != napi_ok) delete report;
            job->closing = status == napi_closing;
        };
    }
    {
        std::lock_guard lock(mutex);
        running.insert(job);
    }
    job->thread = std::thread([job, events, work = std::move(work)]() mutable {
        Finish finish;
        auto error = std::make_shared<MergeError>("io", "");
        try {
            finish = work(job->progress);
        } catch (const MergeError & caught) {
            *error = caught;
        } catch (const std::bad_alloc &) {
            error->message = "Not enough memory.";
        } catch (const std::exception & caught) {
            error->message = std::string("Unexpected failure: ") + caught.what() + ".";
        }
        if (job->closing) return;
        const napi_status status = events.BlockingCall([job, finish, error](Napi::Env env, Napi::Function) {
            if (job->thread.joinable()) job->thread.join();
            {
                std::lock_guard lock(mutex);
                running.erase(job);
            }
            if (finish) {
                job->deferred.Resolve(finish(env));
            } else {
                job->deferred.Reject(error_value(env, *error));
            }
        });
        if (status != napi_closing) events.Release();
    });
    Napi::Object handle = Napi::Object::New(env);
    handle.Set("promise", job->deferred.Promise());
    handle.Set("cancel", Napi::Function::New(env, [weak = std::weak_ptr<Shared>(job)](const Napi::CallbackInfo &) {
        if (const auto alive = weak.lock()) alive->progress.cancelled = true;
    }));
    return handle;
}

// Runs `work`, turning its exception into a thrown plain object.
template <typename Result> Result guarded(Napi::Env env, const std::function<Result()> & work) {
    try {
        return work();
    } catch (const MergeError & error) {
        throw Napi::Error(env, error_value(env, error));
    } catch (const std::bad_alloc &) {
        throw Napi::Error(env, error_value(env, MergeError("io", "Not enough memory.")));
    }
}

// --- exported functions ---

Napi::Value open_libraries(const Napi::CallbackInfo & info) {
    const std::string base = info[0].ToString().Utf8Value(), main = info[1].ToString().Utf8Value();
    const std::string llama = info[2].ToString().Utf8Value(), backends_folder = info[3].ToString().Utf8Value();
    std::vector<std::string> extra;
    const Napi::Array files = info[4].As<Napi::Array>();
    for (uint32_t i = 0; i < files.Length(); i++) extra.push_back(files.Get(i).ToString().Utf8Value());
    return guarded<Napi::Value>(info.Env(), [&] {
        open_ggml(base, main, llama, backends_folder, extra);
        return info.Env().Undefined();
    });
}

Napi::Value read_gguf(const Napi::CallbackInfo & info) {
    const Napi::Env env = info.Env();
    const std::string path = info[0].ToString().Utf8Value();
    return guarded<Napi::Value>(env, [&] {
        const GgufFile file(path);
        Napi::Object metadata = Napi::Object::New(env);
        for (const auto & entry : file.metadata()) {
            const char * raw = entry.raw.data();
            metadata.Set(entry.key, metadata_value(env, entry.type, raw));
        }
        Napi::Array tensors = Napi::Array::New(env, file.tensors().size());
        for (size_t i = 0; i < file.tensors().size(); i++) {
            const GgufTensor & tensor = file.tensors()[i];
            Napi::Array shape = Napi::Array::New(env, tensor.shape.size());
            for (size_t d = 0; d < tensor.shape.size(); d++) shape.Set(uint32_t(d), double(tensor.shape[d]));
            Napi::Object value = Napi::Object::New(env);
            value.Set("name", tensor.name);
            value.Set("type", type_name(tensor.type));
            value.Set("shape", shape);
            value.Set("bytes", double(tensor.bytes));
            value.Set("offset", double(tensor.offset));
            value.Set("part", double(tensor.part));
            tensors.Set(uint32_t(i), value);
        }
        Napi::Array files = Napi::Array::New(env, file.parts().size());
        for (size_t i = 0; i < file.parts().size(); i++) files.Set(uint32_t(i), file.parts()[i]->path());
        Napi::Object result = Napi::Object::New(env);
        result.Set("files", files);
        result.Set("version", file.version());
        result.Set("metadata", metadata);
        result.Set("tensors", tensors);
        result.Set("dataOffset", double(file.data_offset()));
        result.Set("fileBytes", double(file.bytes()));
        return result;
    });
}

Napi::Value start_fingerprint(const Napi::CallbackInfo & info) {
    const Napi::Object options = info[0].As<Napi::Object>();
    const std::string path = get_text(options, "path");
    const unsigned threads = get_threads(options);
    return Job::start(info.Env(), info[1], [=](Progress & progress) -> Job::Finish {
        const Fingerprint result = fingerprint(path, threads, progress);
        return [=](Napi::Env env) {
            Napi::Object value = Napi::Object::New(env);
            value.Set("backbone", result.backbone);
            value.Set("content", result.content);
            return value;
        };
    });
}

Napi::Value start_extract(const Napi::CallbackInfo & info) {
    const Napi::Object given = info[0].As<Napi::Object>();
    ExtractOptions options;
    options.base = get_text(given, "base");
    options.tuned = get_text(given, "tuned");
    options.out = get_text(given, "out");
    options.type = get_type(given);
    options.metadata = get_metadata(given);
    options.threads = get_threads(given);
    return Job::start(info.Env(), info[1], [=](Progress & progress) -> Job::Finish {
        const ExtractResult result = extract(options, progress);
        return [=](Napi::Env env) {
            const auto relative = [](double norm, double base) { return base > 0 ? norm / base : 0.0; };
            Napi::Array layers = Napi::Array::New(env, result.layers.size());
            for (size_t i = 0; i < result.layers.size(); i++) {
                const LayerChange & layer = result.layers[i];
                Napi::Object value = Napi::Object::New(env);
                value.Set("tensor", layer.tensor);
                value.Set("norm", layer.norm);
                value.Set("baseNorm", layer.base_norm);
                value.Set("relative", relative(layer.norm, layer.base_norm));
                layers.Set(uint32_t(i), value);
            }
            Napi::Object value = Napi::Object::New(env);
            value.Set("kind", result.low_rank ? "low_rank" : "dense");
            value.Set("layers", layers);
            value.Set("norm", result.norm);
            value.Set("baseNorm", result.base_norm);
            value.Set("relative", relative(result.norm, result.base_norm));
            value.Set("entries", double(result.entries));
            value.Set("bytes", double(result.bytes));
            value.Set("seconds", result.seconds);
            return value;
        };
    });
}

void set_device(Napi::Object & value, const DeviceUse & use) {
    value.Set("device", use.name);
    value.Set("deviceReason", use.reason);
    value.Set("deviceTensors", double(use.tensors));
}

Napi::Value start_bake(const Napi::CallbackInfo & info) {
    const Napi::Object given = info[0].As<Napi::Object>();
    BakeOptions options;
    options.base = get_text(given, "base");
    options.out = get_text(given, "out");
    options.mix = mix_by_name(get_text(given, "type"));
    options.type = options.mix >= 0 ? uint32_t(GGML_TYPE_F32) : get_type(given);
    if (has(given, "imatrix")) options.imatrix = get_text(given, "imatrix");
    options.method = guarded<Method>(info.Env(), [&] { return method_by_name(get_text(given, "method")); });
    if (has(given, "normalize")) options.normalize = given.Get("normalize").ToBoolean().Value();
    if (has(given, "rescale")) {
        options.rescale = get_rescale(given.Get("rescale"));
    }
    if (has(given, "lambda")) options.lambda = float(get_number(given, "lambda"));
    if (has(given, "seed")) options.seed = get_uint64(given.Get("seed"));
    if (has(given, "stretch")) options.stretch = uint64_t(get_number(given, "stretch"));
    if (has(given, "gamma")) options.gamma = get_number(given, "gamma");
    if (has(given, "epsilon")) options.epsilon = get_number(given, "epsilon");
    if (has(given, "selectTopk")) options.select_topk = get_number(given, "selectTopk");
    if (has(given, "rankShare")) options.rank_share = get_number(given, "rankShare");
    if (has(given, "trim") && get_text(given, "trim") == "vector") options.trim = TrimScope::Vector;
    options.unweighted = has(given, "election") && get_text(given, "election") == "unweighted";
    options.embeddings = get_flag(given, "embeddings", true);
    options.output_head = get_flag(given, "outputHead", true);
    const Napi::Array vectors = given.Get("vectors").As<Napi::Array>();
    for (uint32_t i = 0; i < vectors.Length(); i++) {
        options.vectors.push_back(get_vector(vectors.Get(i).As<Napi::Object>()));
    }
    options.metadata = get_metadata(given);
    options.threads = get_threads(given);
    options.device = get_text(given, "device");
    return Job::start(info.Env(), info[1], [=](Progress & progress) -> Job::Finish {
        const BakeResult result = bake(options, progress);
        return [=](Napi::Env env) {
            Napi::Array notes = Napi::Array::New(env, result.notes.size());
            for (size_t i = 0; i < result.notes.size(); i++) {
                Napi::Object note = Napi::Object::New(env);
                note.Set("code", result.notes[i].code);
                note.Set("message", result.notes[i].message);
                if (!result.notes[i].tensor.empty()) note.Set("tensor", result.notes[i].tensor);
                notes.Set(uint32_t(i), note);
            }
            Napi::Object value = Napi::Object::New(env);
            value.Set("bytes", double(result.bytes));
            value.Set("tensors", double(result.tensors));
            value.Set("changed", double(result.changed));
            value.Set("seconds", result.seconds);
            value.Set("flushSeconds", result.flush_seconds);
            value.Set("threads", double(result.threads));
            set_device(value, result.device);
            if (!result.device.measured.empty()) {
                Napi::Object measured = Napi::Object::New(env);
                measured.Set("device", result.device.measured);
                measured.Set("deviceWeightsPerSecond", result.device.device_rate);
                measured.Set("cpuWeightsPerSecond", result.device.cpu_rate);
                value.Set("measured", measured);
            }
            value.Set("notes", notes);
            return value;
        };
    });
}

Napi::Value start_factorize(const Napi::CallbackInfo & info) {
    const Napi::Object given = info[0].As<Napi::Object>();
    FactorizeOptions options;
    options.vector = get_text(given, "vector");
    options.out = get_text(given, "out");
    options.type = get_type(given);
    if (has(given, "rank")) options.rank = uint64_t(get_number(given, "rank"));
    options.embeddings = has(given, "embeddings") && given.Get("embeddings").ToBoolean().Value();
    if (has(given, "energy")) options.energy = get_number(given, "energy");
    if (has(given, "seed")) options.seed = get_uint64(given.Get("seed"));
    options.metadata = get_metadata(given);
    options.threads = get_threads(given);
    options.device = get_text(given, "device");
    return Job::start(info.Env(), info[1], [=](Progress & progress) -> Job::Finish {
        const FactorizeResult result = factorize(options, progress);
        return [=](Napi::Env env) {
            Napi::Array layers = Napi::Array::New(env, result.layers.size());
            for (size_t i = 0; i < result.layers.size(); i++) {
                const FactoredLayer & layer = result.layers[i];
                Napi::Object value = Napi::Object::New(env);
                value.Set("tensor", layer.tensor);
                value.Set("rank", double(layer.rank));
                value.Set("energy", layer.energy);
                value.Set("share", layer.share);
                layers.Set(uint32_t(i), value);
            }
            Napi::Object value = Napi::Object::New(env);
            value.Set("layers", layers);
            value.Set("energy", result.energy);
            value.Set("bytes", double(result.bytes));
            value.Set("seconds", result.seconds);
            set_device(value, result.device);
            return value;
        };
    });
}

Napi::Value start_expand(const Napi::CallbackInfo & info) {
    const Napi::Object given = info[0].As<Napi::Object>();
    const ExpandOptions options{get_text(given, "adapter"), get_text(given, "out"), get_type(given), get_metadata(given),
                                get_threads(given)};
    return Job::start(info.Env(), info[1], [=](Progress & progress) -> Job::Finish {
        const ExpandResult result = expand(options, progress);
        return [=](Napi::Env env) {
            Napi::Object value = Napi::Object::New(env);
            value.Set("tensors", double(result.tensors));
            value.Set("bytes", double(result.bytes));
            value.Set("seconds", result.seconds);
            return value;
        };
    });
}

Napi::Value start_assemble(const Napi::CallbackInfo & info) {
    const Napi::Object given = info[0].As<Napi::Object>();
    AssembleOptions options;
    options.out = get_text(given, "out");
    options.metadata = get_typed_metadata(given);
    const Napi::Array tensors = given.Get("tensors").As<Napi::Array>();
    for (uint32_t i = 0; i < tensors.Length(); i++) {
        const Napi::HandleScope scope(info.Env());
        options.tensors.push_back(get_assembled(tensors.Get(i).As<Napi::Object>()));
    }
    options.threads = get_threads(given);
    return Job::start(info.Env(), info[1], [options = std::move(options)](Progress & progress) -> Job::Finish {
        const AssembleResult result = assemble(options, progress);
        return [=](Napi::Env env) {
            Napi::Object value = Napi::Object::New(env);
            value.Set("bytes", double(result.bytes));
            value.Set("seconds", result.seconds);
            return value;
        };
    });
}

Napi::Array numbers_value(Napi::Env env, const std::vector<double> & numbers) {
    Napi::Array array = Napi::Array::New(env, numbers.size());
    for (size_t i = 0; i < numbers.size(); i++) array.Set(uint32_t(i), numbers[i]);
    return array;
}

// Sums as they are; index.js makes norms and cosines of them.
Napi::Object sums_value(Napi::Env env, const Sums & sums) {
    Napi::Object value = Napi::Object::New(env);
    value.Set("name", sums.name);
    value.Set("entries", double(sums.entries));
    value.Set("products", numbers_value(env, sums.products));
    value.Set("both", numbers_value(env, sums.both));
    value.Set("agree", numbers_value(env, sums.agree));
    value.Set("magnitudes", numbers_value(env, sums.magnitudes));
    return value;
}

Napi::Value start_compare(const Napi::CallbackInfo & info) {
    const Napi::Object given = info[0].As<Napi::Object>();
    CompareOptions options;
    const Napi::Array paths = given.Get("paths").As<Napi::Array>();
    for (uint32_t i = 0; i < paths.Length(); i++) options.paths.push_back(paths.Get(i).ToString().Utf8Value());
    options.seed = get_uint64(given.Get("seed"));
    options.entrywise = get_flag(given, "entrywise", true);
    options.threads = get_threads(given);
    return Job::start(info.Env(), info[1], [=](Progress & progress) -> Job::Finish {
        const CompareResult result = compare(options, progress);
        return [=](Napi::Env env) {
            Napi::Array low_rank = Napi::Array::New(env);
            for (size_t i = 0; i < result.low_rank.size(); i++) low_rank.Set(uint32_t(i), bool(result.low_rank[i]));
            Napi::Array tensors = Napi::Array::New(env, result.tensors.size());
            for (size_t i = 0; i < result.tensors.size(); i++) {
                const ComparedTensor & tensor = result.tensors[i];
                Napi::HandleScope scope(env);
                std::vector<double> ranks, errors;
                for (const auto & [rank, error] : tensor.ranks) ranks.push_back(rank), errors.push_back(error);
                Napi::Object value = sums_value(env, tensor.sums);
                value.Set("shape", numbers_value(env, {tensor.shape.begin(), tensor.shape.end()}));
                value.Set("ranks", numbers_value(env, ranks));
                value.Set("errors", numbers_value(env, errors));
                tensors.Set(uint32_t(i), value);
            }
            Napi::Array layers = Napi::Array::New(env, result.layers.size());
            for (size_t i = 0; i < result.layers.size(); i++) layers.Set(uint32_t(i), sums_value(env, result.layers[i]));
            Napi::Object value = Napi::Object::New(env);
            value.Set("lowRank", low_rank);
            value.Set("tensors", tensors);
            value.Set("layers", layers);
            value.Set("all", sums_value(env, result.all));
            value.Set("seconds", result.seconds);
            return value;
        };
    });
}

Napi::Value remove_partial(const Napi::CallbackInfo & info) {
    return Napi::Number::New(info.Env(), double(remove_partial_files(info[0].ToString().Utf8Value())));
}

Napi::Value devices(const Napi::CallbackInfo & info) {
    const Napi::Env env = info.Env();
    return guarded<Napi::Value>(env, [&] {
        const std::vector<Device> found = list_devices();
        Napi::Array list = Napi::Array::New(env, found.size());
        for (size_t i = 0; i < found.size(); i++) {
            Napi::Object value = Napi::Object::New(env);
            value.Set("name", found[i].name);
            value.Set("description", found[i].description);
            value.Set("type", found[i].type);
            value.Set("memoryTotal", double(found[i].memory_total));
            value.Set("memoryFree", double(found[i].memory_free));
            list.Set(uint32_t(i), value);
        }
        return list;
    });
}

}  // namespace

}  // namespace temperament

static Napi::Object init(Napi::Env env, Napi::Object exports) {
    using namespace temperament;
    napi_add_env_cleanup_hook(env, Job::stop_all, static_cast<napi_env>(env));
    exports.Set("openLibraries", Napi::Function::New(env, open_libraries));
    exports.Set("readGguf", Napi::Function::New(env, read_gguf));
    exports.Set("fingerprint", Napi::Function::New(env, start_fingerprint));
    exports.Set("extract", Napi::Function::New(env, start_extract));
    exports.Set("bake", Napi::Function::New(env, start_bake));
    exports.Set("compare", Napi::Function::New(env, start_compare));
    exports.Set("factorize", Napi::Function::New(env, start_factorize));
    exports.Set("assemble", Napi::Function::New(env, start_assemble));
    exports.Set("expand", Napi::Function::New(env, start_expand));
    exports.Set("removePartialFiles", Napi::Function::New(env, remove_partial));
    exports.Set("devices", Napi::Function::New(env, devices));
    return exports;
}

NODE_API_MODULE(native_merge, init)
