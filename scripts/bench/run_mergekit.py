"""The Python half of mergekit.ts: the same tensors as Hugging Face models, merged by mergekit itself.

usage: run_mergekit.py prepare FOLDER | merge FOLDER METHOD THREADS DTYPE

FOLDER/plan.json, written by mergekit.ts, says where the tensors are. `merge` prints seconds by the clock and of the CPU.
"""
import json
import os
import re
import resource
import shutil
import sys
import time

import numpy
import torch

NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def hugging_face_name(name):
    block = re.fullmatch(r"blk\.(\d+)\.(\w+)\.weight", name)
    if block:
        return f"model.layers.{block[1]}.{NAMES[block[2]]}.weight"
    return {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}[name]


def tensors_of(model):
    for tensor in model["tensors"]:
        stored = numpy.float16 if tensor["type"] == "F16" else numpy.float32
        values = numpy.memmap(model["path"], stored, "r", tensor["offset"], tuple(reversed(tensor["shape"])))
        yield hugging_face_name(tensor["name"]), torch.from_numpy(numpy.array(values)).to(torch.float16)


def prepare(folder, plan):
    from safetensors.torch import save_file

    base = dict(tensors_of(plan["base"]))
    deltas = [dict(tensors_of(vector)) for vector in plan["vectors"]]
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 64,
        "num_hidden_layers": plan["layers"],
        "vocab_size": 8192,
        "tie_word_embeddings": True,
        "torch_dtype": "float16",
    }
    models = {"base": base}
    for i, delta in enumerate(deltas):
        models[f"tuned-{i}"] = {name: value + delta[name] for name, value in base.items()}
    for name, tensors in models.items():
        os.makedirs(f"{folder}/{name}")
        save_file(tensors, f"{folder}/{name}/model.safetensors", {"format": "pt"})
        with open(f"{folder}/{name}/config.json", "w") as file:
            json.dump(config, file)


def merge(folder, plan, method, threads, dtype):
    from mergekit.config import MergeConfiguration
    from mergekit.merge import run_merge
    from mergekit.options import MergeOptions

    torch.set_num_threads(threads)
    parameters = {"weight": 0.5}
    if method != "task_arithmetic":
        parameters["density"] = 0.3 if method == "ties" else 0.5
    config = {
        "merge_method": method,
        "base_model": f"{folder}/base",
        "models": [
            {"model": f"{folder}/tuned-{i}", "parameters": parameters} for i in range(len(plan["vectors"]))
        ],
        "parameters": {"normalize": method == "ties"},
        "dtype": dtype,
        "out_dtype": "float16",
    }
    out = f"{folder}/merged"
    before, begin = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    run_merge(
        MergeConfiguration.model_validate(config),
        out_path=out,
        options=MergeOptions(copy_tokenizer=False, lazy_unpickle=True, quiet=True, write_model_card=False),
    )
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF)
    shutil.rmtree(out)
    print(json.dumps({"wall": wall, "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}))


if __name__ == "__main__":
    command, folder, *rest = sys.argv[1:]
    with open(f"{folder}/plan.json") as file:
        plan = json.load(file)
    if command == "prepare":
        prepare(folder, plan)
    else:
        merge(folder, plan, rest[0], int(rest[1]), rest[2])
