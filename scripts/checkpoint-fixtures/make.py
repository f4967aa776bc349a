"""Writes the tiny random checkpoints and adapters of test/fixtures/checkpoints, and what llama.cpp's converters make of them.

    python make.py LLAMA_CPP OUT [NAME ...]

LLAMA_CPP: a checkout of llama.cpp (git clone node_modules/node-llama-cpp/llama/gitRelease.bundle).

Each folder is a checkpoint as transformers saves it, or an adapter as peft does. Beside its files lies reference.json:
metadata and tensors (type, shape, SHA-256 of the stored bytes) of the file that convert_hf_to_gguf.py or
convert_lora_to_gguf.py writes; for models also how transformers tokenises some texts and what log-probability it gives one.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

LLAMA_CPP, OUT = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
ONLY = sys.argv[3:]
sys.path.insert(0, str(LLAMA_CPP / "gguf-py"))
import gguf  # noqa: E402

HIDDEN, LAYERS = 32, 2

# Texts that set pre-tokenisers apart: runs of digits, contractions, spaces, line ends, scripts, emoji.
TEXTS = [
    "Hello there, how was your week? I've had 3 or 33 or 12345 ideas.",
    "  two  spaces\n\n\nand lines\r\n\ttabs   ",
    "Ça va bien? Übermäßig, 我想在 апельсин 🙂🙂 ½ don'T CamelCase HTTPServer /path/to",
    "def f(x):\n    return x**2  # it's 100%",
]
LIKELY = "Hello there, how was your week?"
CORPUS = TEXTS + [
    "How was your week? It was a good week, thank you. I have had many ideas and I like to talk about them.",
    "She would rather stay at home and read; he would go to the party and talk to everyone there.",
] * 3

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
_UPPER, _LOWER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"
_BEFORE, _SHORT = r"[^\r\n\p{L}\p{N}]?", r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
GPT4O = (
    rf"{_BEFORE}[{_UPPER}]*[{_LOWER}]+{_SHORT}|{_BEFORE}[{_UPPER}]+[{_LOWER}]*{_SHORT}|\p{{N}}{{1,3}}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|"
    r"\s*[\r\n]+|\s+(?!\S)|\s+"
)

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
HEADERS = (
    "{{ bos_token }}{% for message in messages %}<|start_header_id|>{{ message.role }}<|end_header_id|>\n\n"
    "{{ message.content }}<|eot_id|>{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
TURNS = (
    "{{ bos_token }}{% for message in messages %}<start_of_turn>{{ 'model' if message.role == 'assistant' else 'user' }}\n"
    "{{ message.content }}<end_of_turn>\n{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
BARS = (
    "{% for message in messages %}<|{{ message.role }}|>\n{{ message.content }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
INST = (
    "{{ bos_token }}{% for message in messages %}{% if message.role == 'user' %}[INST] {{ message.content }} [/INST]"
    "{% else %}{{ message.content }}{{ eos_token }}{% endif %}{% endfor %}"
)


def byte_level(pattern, specials, size=286, normalizer=None, ignore_merges=False, bos=None):
    """A BPE tokeniser over bytes, split first by `pattern`."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    )
    tokenizer.add_tokens([AddedToken(token, special=special, normalized=False) for token, special in specials])
    if bos:
        tokenizer.post_processor = processors.Sequence(
            [
                processors.ByteLevel(trim_offsets=False),
                processors.TemplateProcessing(
                    single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[(bos, tokenizer.token_to_id(bos))]
                ),
            ]
        )
    return tokenizer


def sentencepiece(folder, size=344, **own):
    """A SentencePiece model with byte fallback, as Llama 2 and Mistral have; returns its path."""
    import sentencepiece as spm

    options = dict(model_type="bpe", byte_fallback=True, split_digits=True, normalization_rule_name="identity",
                   remove_extra_whitespaces=False, character_coverage=1.0, add_dummy_prefix=True) | own
    sentences = iter([text for text in CORPUS if text.isascii()])
    with (folder / "tokenizer.model").open("wb") as out:
        spm.SentencePieceTrainer.train(
            sentence_iterator=sentences, model_writer=out, vocab_size=size, minloglevel=2, **options
        )
    return folder / "tokenizer.model"


def from_sentencepiece(model_file, first="prepend", unk="<unk>"):
    """The same vocabulary as a tokeniser of the library tokenizers, as transformers converts Llama's."""
    import sentencepiece as spm

    pieces = spm.SentencePieceProcessor(model_file=str(model_file))
    names = [pieces.id_to_piece(i) for i in range(pieces.vocab_size())]
    ids = {name: i for i, name in enumerate(names)}
    merges = []
    for name in names:
        for cut in range(1, len(name)):
            left, right = name[:cut], name[cut:]
            if left in ids and right in ids:
                merges.append((ids[name], ids[left], ids[right], left, right))
    merges = [(left, right) for _, _, _, left, right in sorted(merges)]
    tokenizer = Tokenizer(models.BPE(ids, merges, unk_token=unk, fuse_unk=True, byte_fallback=True))
    if first == "prepend":
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        tail = [decoders.Strip(" ", 1, 0)]
    else:
        tokenizer.normalizer = normalizers.Replace(" ", "▁")
        tail = []
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *tail]
    )
    return tokenizer


def fast(tokenizer, **special):
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, clean_up_tokenization_spaces=False, **special)


def llama3(folder):
    from transformers import LlamaConfig

    specials = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    tokenizer = byte_level(LLAMA3, [(s, True) for s in specials], ignore_merges=True, bos=specials[0])
    own = fast(tokenizer, bos_token=specials[0], eos_token="<|eot_id|>")
    own.chat_template = HEADERS
    own.save_pretrained(folder)
    # Wavelengths on both sides of the two bounds and between them.
    rope = dict(rope_type="llama3", rope_theta=500000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                original_max_position_embeddings=256)
    return dict(pre="llama-bpe"), LlamaConfig(
        vocab_size=len(own), hidden_size=HIDDEN, intermediate_size=48, num_hidden_layers=LAYERS, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, max_position_embeddings=2048, rope_parameters=rope, tie_word_embeddings=True,
        bos_token_id=own.bos_token_id, eos_token_id=own.eos_token_id, rms_norm_eps=1e-5, dtype="bfloat16",
    )


def llama2(folder):
    from transformers import LlamaConfig

    tokenizer = from_sentencepiece(sentencepiece(folder))
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in ("<unk>", "<s>", "</s>")])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    own = fast(tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>")
    own.chat_template = INST
    own.save_pretrained(folder)
    return dict(old=True), LlamaConfig(
        vocab_size=352, hidden_size=HIDDEN, intermediate_size=48, num_hidden_layers=LAYERS, num_attention_heads=4,
        max_position_embeddings=512, rms_norm_eps=1e-5, attention_bias=True, dtype="float16",
        rope_parameters=dict(rope_type="linear", factor=2.0, rope_theta=10000.0), bos_token_id=1, eos_token_id=2,
    )


def mistral(folder):
    from transformers import MistralConfig

    file = sentencepiece(folder)
    tokenizer = from_sentencepiece(file)
    file.unlink()
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in ("<unk>", "<s>", "</s>")])
    tokenizer.add_tokens([AddedToken("[INST]", special=True, normalized=False), AddedToken("[/INST]", special=True, normalized=False)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    own = fast(tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>")
    own.chat_template = INST
    own.save_pretrained(folder)
    return dict(shards="40KB"), MistralConfig(
        vocab_size=len(own), hidden_size=HIDDEN, intermediate_size=48, num_hidden_layers=LAYERS, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, max_position_embeddings=1024, sliding_window=None, dtype="bfloat16",
        bos_token_id=1, eos_token_id=2, rope_parameters=dict(rope_type="default", rope_theta=1000000.0),
    )


def nemo(folder):
    """Mistral's later tokeniser, which is over bytes."""
    from transformers import MistralConfig

    specials = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"]
    tokenizer = byte_level(TEKKEN, [(s, True) for s in specials], ignore_merges=True, bos="<s>")
    own = fast(tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>")
    own.chat_template = INST
    own.save_pretrained(folder)
    return dict(pre="tekken"), MistralConfig(
        vocab_size=len(own), hidden_size=HIDDEN, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, head_dim=8, max_position_embeddings=1024, sliding_window=None, dtype="bfloat16",
        bos_token_id=own.bos_token_id, eos_token_id=own.eos_token_id,
    )


QWEN_SPECIALS = [("<|endoftext|>", True), ("<|im_start|>", True), ("<|im_end|>", True)]


def qwen2(folder):
    from transformers import Qwen2Config

    tokenizer = byte_level(QWEN2, [*QWEN_SPECIALS, ("<tool_call>", False)], normalizer=normalizers.NFC())
    own = fast(tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    own.chat_template = CHATML
    own.save_pretrained(folder)
    # The vocabulary is padded, as Qwen's is.
    return dict(pre="qwen2", old=True), Qwen2Config(
        vocab_size=296, hidden_size=HIDDEN, intermediate_size=48, num_hidden_layers=LAYERS, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=1024, tie_word_embeddings=True, dtype="float32",
        rope_parameters=dict(rope_type="yarn", rope_theta=1000000.0, factor=4.0, original_max_position_embeddings=256),
        bos_token_id=286, eos_token_id=288,
    )


def qwen3(folder):
    from transformers import Qwen3Config

    tokenizer = byte_level(QWEN2, [*QWEN_SPECIALS, ("<think>", False), ("</think>", False)], normalizer=normalizers.NFC())
    own = fast(tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    own.chat_template = CHATML
    own.save_pretrained(folder)
    return dict(pre="qwen2"), Qwen3Config(
        vocab_size=296, hidden_size=HIDDEN, intermediate_size=48, num_hidden_layers=LAYERS, num_attention_heads=2,
        num_key_value_heads=1, head_dim=24, max_position_embeddings=1024, tie_word_embeddings=False, dtype="bfloat16",
        bos_token_id=286, eos_token_id=288,
    )


def gemma(folder):
    """Gemma's tokeniser: four special tokens first, no space before a text, turns marked by pieces of the model itself."""
    marks = ["<start_of_turn>", "<end_of_turn>"]
    file = sentencepiece(folder, 348, add_dummy_prefix=False, pad_id=0, eos_id=1, bos_id=2, unk_id=3, pad_piece="<pad>",
                         eos_piece="<eos>", bos_piece="<bos>", user_defined_symbols=marks)
    tokenizer = from_sentencepiece(file, first="nothing")
    tokenizer.add_special_tokens(
        [AddedToken(t, special=True, normalized=False) for t in ("<pad>", "<eos>", "<bos>", "<unk>", *marks)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", pair="<bos> $A <bos> $B", special_tokens=[("<bos>", 2)]
    )
    own = fast(tokenizer, bos_token="<bos>", eos_token="<eos>", unk_token="<unk>", pad_token="<pad>")
    own.chat_template = TURNS
    own.save_pretrained(folder)
    return dict(
        vocab_size=352, hidden_size=HIDDEN, intermediate_size=40, num_attention_heads=4, num_key_value_heads=2, head_dim=12,
        max_position_embeddings=512, pad_token_id=0, eos_token_id=1, bos_token_id=2, query_pre_attn_scalar=12,
        dtype="bfloat16",
    )


def gemma2(folder):
    from transformers import Gemma2Config

    return dict(old=True), Gemma2Config(**gemma(folder), num_hidden_layers=3, sliding_window=8)


def gemma3(folder):
    from transformers import Gemma3TextConfig

    rope = dict(full_attention=dict(rope_type="linear", factor=8.0, rope_theta=1000000.0),
                sliding_attention=dict(rope_type="default", rope_theta=10000.0))
    return {}, Gemma3TextConfig(**gemma(folder), num_hidden_layers=7, sliding_window=8, rope_parameters=rope)


def gemma3vision(folder):
    """A model that sees pictures, of which the language half is taken; its config.json leaves much unsaid."""
    from transformers import Gemma3Config

    text = gemma(folder) | dict(num_hidden_layers=2, sliding_window=16, num_attention_heads=8, num_key_value_heads=4, head_dim=8,
                                query_pre_attn_scalar=8)
    dtype = text.pop("dtype")
    eye = dict(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14)
    return dict(silent=["num_attention_heads", "num_key_value_heads"]), Gemma3Config(
        text_config=text, vision_config=eye, mm_tokens_per_image=4, dtype=dtype, image_token_index=350, boi_token_index=348,
        eoi_token_index=349, pad_token_id=0, eos_token_id=1, bos_token_id=2,
    )


def phi3(folder):
    from transformers import Phi3Config

    marks = ["<|endoftext|>", "<|assistant|>", "<|user|>", "<|end|>"]
    tokenizer = from_sentencepiece(sentencepiece(folder))
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in ("<unk>", "<s>", "</s>", *marks)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    own = fast(tokenizer, bos_token="<s>", eos_token="<|endoftext|>", unk_token="<unk>", pad_token="<|endoftext|>")
    own.chat_template = BARS
    own.save_pretrained(folder)
    # The head has 4 frequencies; a text of the likelihood's length is a short one.
    rope = dict(rope_type="longrope", rope_theta=10000.0, short_factor=[1.0, 1.05, 1.1, 1.3], long_factor=[1.0, 2.5, 8.0, 20.0])
    return dict(old=True), Phi3Config(
        vocab_size=352, hidden_size=HIDDEN, intermediate_size=48, num_hidden_layers=LAYERS, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=2048, original_max_position_embeddings=256, sliding_window=128,
        bos_token_id=1, eos_token_id=344, pad_token_id=344, dtype="bfloat16", rope_parameters=rope,
    )


def phi4(folder):
    """Phi-4-mini: a tokeniser over bytes, part of each head turned, one matrix for embedding and output."""
    from transformers import Phi3Config

    tokenizer = byte_level(GPT4O, [(t, True) for t in ("<|endoftext|>", "<|assistant|>", "<|user|>", "<|end|>")])
    own = fast(tokenizer, bos_token="<|endoftext|>", eos_token="<|endoftext|>", pad_token="<|endoftext|>")
    own.chat_template = BARS
    own.save_pretrained(folder)
    rope = dict(rope_type="default", rope_theta=10000.0, partial_rotary_factor=0.75)
    return dict(pre="gpt-4o", patch="import conversion.phi as p; p.Phi3MiniModel.set_vocab = lambda m: m._set_vocab_gpt2()"), Phi3Config(
        vocab_size=296, hidden_size=HIDDEN, intermediate_size=48, num_hidden_layers=LAYERS, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=512, original_max_position_embeddings=512, tie_word_embeddings=True,
        bos_token_id=286, eos_token_id=286, pad_token_id=286, dtype="bfloat16", rope_parameters=rope,
    )


MODELS = {
    make.__name__: make
    for make in (llama2, llama3, mistral, nemo, qwen2, qwen3, gemma2, gemma3, gemma3vision, phi3, phi4)
}


def old_style(folder):
    """Files as transformers 4 wrote them: rope settings apart, added tokens and chat template in tokenizer_config.json."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    rope.pop("partial_rotary_factor", None)
    kind = rope.pop("rope_type")
    config["rope_scaling"] = None if kind == "default" else {"type": kind, **rope}
    config["torch_dtype"] = config.pop("dtype")
    path.write_text(json.dumps(config, indent=2))
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text())
    added = json.loads((folder / "tokenizer.json").read_text())["added_tokens"]
    config["added_tokens_decoder"] = {str(token.pop("id")): token for token in added}
    template = folder / "chat_template.jinja"
    config["chat_template"] = template.read_text()
    template.unlink()
    path.write_text(json.dumps(config, indent=2))


def reference(path):
    """Metadata and tensors of a GGUF file, as JSON."""
    reader = gguf.GGUFReader(path)
    metadata = {
        key: field.contents() for key, field in reader.fields.items() if not key.startswith("GGUF.")
    }
    types = {key: [kind.name for kind in field.types] for key, field in reader.fields.items() if not key.startswith("GGUF.")}
    tensors = {
        tensor.name: {
            "type": tensor.tensor_type.name,
            "shape": [int(n) for n in tensor.shape],
            "sha256": hashlib.sha256(tensor.data.tobytes()).hexdigest(),
        }
        for tensor in reader.tensors
    }
    return {"metadata": metadata, "types": types, "tensors": tensors}


def run_converter(script, folder, options, patch=""):
    """What one of llama.cpp's converters makes of a folder."""
    out = folder.parent / "converted.gguf"
    code = (
        f"import sys, runpy; sys.path.insert(0, {str(LLAMA_CPP)!r}); {patch}\n"
        f"sys.argv = {['convert', str(folder), '--outfile', str(out), *options]!r}\n"
        f"runpy.run_path({str(LLAMA_CPP / script)!r}, run_name='__main__')"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    found = reference(out)
    out.unlink()
    return found


def convert(folder, pre, patch):
    """Its table of pre-tokenisers knows no made-up vocabulary, so the name is given."""
    kind = "f32" if json.loads((folder / "config.json").read_text()).get("torch_dtype") == "float32" else "auto"
    if pre:
        patch += f"\nimport conversion.base as base; base.TextModel.get_vocab_base_pre = lambda *_: {pre!r}"
    return run_converter("convert_hf_to_gguf.py", folder, ["--outtype", kind], patch)


def write_reference(folder, found):
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    (folder / "reference.json").write_text(text + "\n", encoding="utf-8")
    print(folder.name, sum(f.stat().st_size for f in folder.iterdir()), "bytes")


def likelihood(model, tokenizer):
    """Log-probability of a text as the studio asks for it: after the token for the beginning, where the model has one."""
    tokens = tokenizer.encode(LIKELY, add_special_tokens=True)
    with torch.no_grad():
        logits = model(torch.tensor([tokens])).logits[0].double()
    total = sum(torch.log_softmax(logits[i], -1)[tokens[i + 1]].item() for i in range(len(tokens) - 1))
    return {"text": LIKELY, "tokens": len(tokens) - 1, "logProbability": total}


def make_model(name):
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    about, config = MODELS[name](folder)
    torch.manual_seed(len(name) * 1000 + ord(name[0]))
    model = AutoModelForCausalLM.from_config(config)
    for parameter in model.parameters():
        # Norms and biases too, so that none may be swapped or dropped unseen.
        torch.nn.init.normal_(parameter, mean=1.0 if parameter.dim() == 1 else 0.0, std=0.1 if parameter.dim() == 1 else 0.25)
    model = model.to(config.dtype if isinstance(config.dtype, torch.dtype) else getattr(torch, config.dtype))
    model.save_pretrained(folder, max_shard_size=about.get("shards", "1GB"))
    if about.get("old"):
        old_style(folder)
    if about.get("silent"):
        path = folder / "config.json"
        config = json.loads(path.read_text())
        for key in about["silent"]:
            del config["text_config"][key]
        path.write_text(json.dumps(config, indent=2))
    found = convert(folder, about.get("pre"), about.get("patch", ""))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    found["texts"] = [{"text": text, "tokens": tokenizer.encode(text, add_special_tokens=False)} for text in TEXTS]
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    found["likelihood"] = likelihood(model, tokenizer)
    write_reference(folder, found)


# Adapters: the model, and what LoraConfig is told.
ADAPTERS = {
    "lora": ("llama3", dict(r=4, lora_alpha=8, target_modules="all-linear", rank_pattern={"q_proj": 2, "layers.1.mlp.up_proj": 6})),
    "fused": ("phi3", dict(r=3, lora_alpha=6, target_modules="all-linear")),
    "rslora": (
        "qwen3",
        dict(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj", "down_proj", "lm_head"], use_rslora=True,
             rank_pattern={"v_proj": 8}, alpha_pattern={"layers.1.self_attn.q_proj": 3}),
    ),
}

# Adapters that saved modules whole: no file of llama.cpp's holds them, so what peft's own merge makes of them counts.
WHOLE = {
    "saved": ("qwen3", dict(r=2, lora_alpha=4, target_modules=["q_proj", "down_proj"],
                            modules_to_save=["embed_tokens", "lm_head", "q_norm"])),
    "savedturned": ("llama2", dict(r=2, lora_alpha=4, target_modules=["v_proj"], modules_to_save=["k_proj", "norm"])),
}


def make_adapter(name):
    from peft import LoraConfig, get_peft_model

    folder, (base, options) = OUT / name, ADAPTERS[name]
    shutil.rmtree(folder, ignore_errors=True)
    model = AutoModelForCausalLM.from_pretrained(OUT / base, dtype=torch.float32).eval()
    torch.manual_seed(len(name))
    adapted = get_peft_model(model, LoraConfig(**options))
    for parameter_name, parameter in adapted.named_parameters():
        if "lora_" in parameter_name:
            torch.nn.init.normal_(parameter, std=0.15)
    adapted.peft_config["default"].base_model_name_or_path = base
    adapted.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    found = run_converter("convert_lora_to_gguf.py", folder, ["--base", str(OUT / base)])
    found["base"] = base
    # What peft adds to the weights; rows as transformers has them.
    found["changes"] = {
        module_name.removeprefix("base_model.model."): {
            "norm": module.get_delta_weight("default").detach().norm().item(),
            "first": module.get_delta_weight("default").detach()[0, :4].tolist(),
        }
        for module_name, module in adapted.named_modules()
        if hasattr(module, "get_delta_weight")
    }
    found["likelihood"] = likelihood(adapted, AutoTokenizer.from_pretrained(OUT / base))
    write_reference(folder, found)


def make_whole(name):
    from peft import LoraConfig, get_peft_model

    folder, (base, options) = OUT / name, WHOLE[name]
    shutil.rmtree(folder, ignore_errors=True)
    load = lambda: AutoModelForCausalLM.from_pretrained(OUT / base, dtype=torch.float32).eval()  # noqa: E731
    before = load().state_dict()
    torch.manual_seed(len(name))
    adapted = get_peft_model(load(), LoraConfig(**options))
    for parameter_name, parameter in adapted.named_parameters():
        if "lora_" in parameter_name:
            torch.nn.init.normal_(parameter, std=0.15)
        elif "modules_to_save" in parameter_name:
            parameter.data += 0.1 * torch.randn_like(parameter)
    adapted.peft_config["default"].base_model_name_or_path = base
    adapted.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    merged = adapted.merge_and_unload()
    changes = {
        key: {"norm": change.norm().item(), "first": change.flatten()[:4].tolist()}
        for key, after in merged.state_dict().items()
        if (change := after - before[key]).abs().max() > 0
    }
    likely = likelihood(merged, AutoTokenizer.from_pretrained(OUT / base))
    write_reference(folder, {"base": base, "changes": changes, "likelihood": likely})


for name in MODELS:
    if not ONLY or name in ONLY:
        make_model(name)
for name in ADAPTERS:
    if not ONLY or name in ONLY:
        make_adapter(name)
for name in WHOLE:
    if not ONLY or name in ONLY:
        make_whole(name)
