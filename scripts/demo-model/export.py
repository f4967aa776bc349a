"""Writes the base model and its LoRA vectors as GGUF files that llama.cpp loads unchanged."""

from __future__ import annotations

import json
import os
from pathlib import Path

import gguf
import numpy as np
from tokenizers import Tokenizer
from torch import Tensor

from model import Linear, Llama, Shape
from tokens import SPECIALS

TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def paired(rows: Tensor, heads: int) -> Tensor:
    """Reorders the output rows of q or k from RoPE on halves to llama.cpp's RoPE on neighbours."""
    outputs = rows.shape[0]
    return rows.reshape(heads, 2, outputs // heads // 2, -1).transpose(1, 2).reshape(rows.shape)


def for_llama_cpp(name: str, rows: Tensor, shape: Shape) -> Tensor:
    if name == "attn_q":
        return paired(rows, shape.heads)
    if name == "attn_k":
        return paired(rows, shape.kv_heads)
    return rows


def array(tensor: Tensor, kind: type[np.floating]) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().float().numpy().astype(kind))


def close(writer: gguf.GGUFWriter, temporary: Path, path: Path) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(temporary, path)


def write_base(model: Llama, tokenizer: Tokenizer, path: Path, name: str, note: str) -> None:
    """F16 matrices, F32 norms."""
    s = model.shape
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    w = gguf.GGUFWriter(temporary, "llama")
    w.add_type("model")
    w.add_name(name)
    w.add_description(note)
    w.add_license("MIT")
    w.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    w.add_quantization_version(gguf.GGML_QUANT_VERSION)
    w.add_context_length(s.context)
    w.add_embedding_length(s.width)
    w.add_block_count(s.layers)
    w.add_feed_forward_length(s.feed)
    w.add_head_count(s.heads)
    w.add_head_count_kv(s.kv_heads)
    w.add_rope_dimension_count(s.head)
    w.add_rope_freq_base(s.rope_base)
    w.add_layer_norm_rms_eps(s.eps)
    w.add_vocab_size(s.vocab)
    add_tokenizer(w, tokenizer)
    w.add_tensor("token_embd.weight", array(model.token_embd.weight, np.float16))
    w.add_tensor("output_norm.weight", array(model.output_norm.weight, np.float32))
    for index, block in enumerate(model.blk):
        for part, module in block.named_children():
            if isinstance(module, Linear):
                data = array(for_llama_cpp(part, module.weight, s), np.float16)
            else:
                data = array(module.weight, np.float32)
            w.add_tensor(f"blk.{index}.{part}.weight", data)
    close(w, temporary, path)


def add_tokenizer(w: gguf.GGUFWriter, tokenizer: Tokenizer) -> None:
    vocab = tokenizer.get_vocab()
    pieces = sorted(vocab, key=lambda piece: vocab[piece])
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("smollm")
    w.add_token_list(pieces)
    w.add_token_types([control if piece in SPECIALS else normal for piece in pieces])
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    w.add_token_merges([pair if isinstance(pair, str) else " ".join(pair) for pair in merges])
    w.add_eos_token_id(vocab["<|im_end|>"])
    w.add_bos_token_id(vocab["<|endoftext|>"])
    w.add_pad_token_id(vocab["<|endoftext|>"])
    w.add_add_bos_token(False)
    w.add_chat_template(TEMPLATE)


def write_vector(model: Llama, path: Path, trait: str, pole: str, note: str) -> None:
    """A fine-tune's factors as a personality vector; the product's own `extract` stamps it with its base."""
    about = {"trait": trait, "pole": pole, "method": "lora-sft", "note": note}
    write_adapter(model, path, f"{trait} {pole}", {f"temperament.vector.{key}": value for key, value in about.items()})


def write_adapter(model: Llama, path: Path, name: str, about: dict[str, str]) -> None:
    """The LoRA factors in llama.cpp's adapter format, F32, with alpha = rank so that scale 1 adds B·A as trained."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    w = gguf.GGUFWriter(temporary, "llama")
    w.add_type("adapter")
    w.add_name(name)
    w.add_string("adapter.type", "lora")
    for key, value in about.items():
        w.add_string(key, value)
    rank = 0
    for index, block in enumerate(model.blk):
        for part, module in block.named_children():
            if isinstance(module, Linear) and module.lora_a is not None and module.lora_b is not None:
                rank = module.lora_a.shape[0]
                name = f"blk.{index}.{part}.weight"
                w.add_tensor(f"{name}.lora_a", array(module.lora_a, np.float32))
                w.add_tensor(f"{name}.lora_b", array(for_llama_cpp(part, module.lora_b, model.shape), np.float32))
    w.add_float32("adapter.lora.alpha", float(rank))
    close(w, temporary, path)
