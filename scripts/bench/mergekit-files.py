"""Has mergekit run the configurations that the studio writes, and compares its checkpoints with what the studio bakes of them.

    python3 scripts/bench/mergekit-files.py [--venv FOLDER]

The environment is as in against-mergekit.py. A tiny random Llama and three random fine-tunes of it are written by transformers,
converted and subtracted by the studio; each recipe goes out as YAML, through mergekit-yaml, back in as a recipe and into a baked
file. All in float32; prints the largest difference of any weight.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from mergekit_venv import enter

enter(__doc__)

import gguf  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from safetensors.numpy import load_file  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = ROOT / "test" / "fixtures" / "checkpoints" / "llama3"
VECTORS = ("extraversion-high", "openness-high", "neuroticism-high")
MIXED, EQUAL, TWO = (f"extraversion={a},openness={b}" for a, b in ((1, 0.5), (1, 1), (1, 0.5)))
MIXED += ",neuroticism=0.7"
EQUAL += ",neuroticism=1"
RECIPES = {
    "task_arithmetic": (MIXED, ()),
    "task_arithmetic, over depth": (MIXED, ("--depth", "extraversion=0:0.5:1.5")),
    "task_arithmetic, filters": (MIXED, ("--filter", "token_embd=0,ffn_up=0.5")),
    "task_arithmetic, λ 0.5": (MIXED, ("--lambda", "0.5")),
    "ties": (MIXED, ("--density", "0.4")),
    "ties, over depth": (MIXED, ("--density", "0.4", "--depth", "extraversion=0:0.5:1.5")),
    "breadcrumbs": (MIXED, ("--density", "0.8", "--gamma", "0.05")),
    "breadcrumbs_ties": (MIXED, ("--density", "0.8", "--gamma", "0.05")),
    "sce": (EQUAL, ("--select-topk", "0.5")),
    "model_stock": (EQUAL, ()),
    "nuslerp": (TWO, ()),
}


def checkpoints(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(SOURCE)
    for seed, name in enumerate(("base", *VECTORS)):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_pretrained(SOURCE, dtype=torch.float32)
        if seed:
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.add_(torch.randn_like(parameter) * 0.02)
        model.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)


def studio(home: Path, *arguments: str | Path) -> None:
    done = subprocess.run(
        ["npm", "run", "-s", "cli", "--", *map(str, arguments)],
        cwd=ROOT, env={**os.environ, "TEMPERAMENT_HOME": str(home)}, capture_output=True, text=True,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, arguments))}:\n{done.stderr}")


PARTS = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}
WHOLE = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight"}


def as_gguf(name: str, weights: np.ndarray, heads: dict[str, int]) -> tuple[str, np.ndarray]:
    """A tensor of transformers under llama.cpp's name, with the rows of q and k by turns (rotary embeddings on neighbours)."""
    if name in WHOLE:
        return WHOLE[name], weights
    _, _, block, *part, _ = name.split(".")
    short = PARTS[".".join(part)]
    if short in heads:
        rows = weights.reshape(heads[short], 2, -1, weights.shape[1])
        weights = rows.swapaxes(1, 2).reshape(weights.shape)
    return f"blk.{block}.{short}.weight", weights


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        home = work / "home"
        checkpoints(work)
        config = json.loads((work / "base" / "config.json").read_text())
        heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
        studio(home, "convert", work / "base", "--type", "f32", "--name", "tiny")
        for name in VECTORS:
            trait, pole = name.split("-")
            studio(home, "extract", "--base", "tiny", "--tuned", work / name, "--trait", trait, "--pole", pole)
        there = ",".join(f"{name}={work / name}" for name in VECTORS)
        back = ",".join(f"{work / name}={name}" for name in VECTORS)
        for title, (mix, options) in RECIPES.items():
            yaml, recipe, merged, baked = (work / f"result{end}" for end in (".yml", ".json", "", ".gguf"))
            method = title.split(",")[0]
            studio(home, "mergekit", "export", "--model", "tiny", "--mix", mix, "--method", method, *options,
                   "--base-model", work / "base", "--models", there, "--out", yaml, "--overwrite")
            subprocess.run([Path(sys.prefix) / "bin" / "mergekit-yaml", yaml, merged], check=True, capture_output=True)
            studio(home, "mergekit", "import", yaml, "--model", "tiny", "--vectors", back, "--out", recipe, "--overwrite")
            studio(home, "bake", "--recipe", recipe, "--type", "f32", "--out", baked, "--overwrite")
            ours = {tensor.name: np.array(tensor.data) for tensor in gguf.GGUFReader(baked).tensors}
            theirs = [as_gguf(name, weights, heads) for name, weights in load_file(merged / "model.safetensors").items()]
            differences = [float(np.abs(ours[name].reshape(w.shape) - w).max()) for name, w in theirs]
            print(f"{title:30} {len(theirs)} tensors, largest difference {max(differences):.1e}", flush=True)


if __name__ == "__main__":
    main()
