"""Compares native-merge with mergekit itself: every method on the same random tensors, the largest difference of each.

    python3 scripts/bench/against-mergekit.py [--venv FOLDER]

The folder is a virtual environment with mergekit and gguf; it is made where there is none (by default in
scripts/bench/.venv; on Linux PyPI's torch brings several GiB of CUDA libraries with it, so name an environment with a
CPU build of torch if you have one). The addon must have been built: npm test -- native does that.

The random methods run mergekit's own code with native-merge's masks in the place of torch.bernoulli's. The masks
themselves can only be checked for how often they keep an entry of each probability, in standard deviations.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from mergekit_venv import enter

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Beyond this share of a tensor's largest weight, two results are not the same up to rounding in float32.
TOLERANCE = 1e-6
enter(__doc__)

import gguf  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from importlib.metadata import version  # noqa: E402
from mergekit.merge_methods import merge_tensors  # noqa: E402

torch.manual_seed(7)
SHAPES = {"blk.0.ffn_up.weight": (300, 256), "blk.0.attn_q.weight": (129, 64), "output_norm.weight": (999,)}
# Changes as small beside the base as those of a fine-tune, and as large as the base itself.
SPREADS = {"like": 0.002, "unlike": 0.05}
SEED = 11


def write(path: Path, kind: str, tensors: dict) -> str:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type(kind)
    for name, values in tensors.items():
        writer.add_tensor(name, values.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return str(path)


def read(path: str) -> dict:
    return {t.name: torch.from_numpy(np.array(t.data)) for t in gguf.GGUFReader(path).tensors}


# Bakes what it is told on standard input, one after the other.
BAKE = """
const { bake } = await import(process.argv[1]);
let text = '';
for await (const part of process.stdin) text += part;
for (const job of JSON.parse(text)) await bake(job);
"""


def bake(jobs: list) -> list:
    """The tensors of each job, baked by native-merge as F32."""
    node = ROOT / "node_modules/.bin" / ("node.cmd" if os.name == "nt" else "node")
    addon = (ROOT / "native-merge/index.js").as_uri()
    command = [str(node), "--input-type=module", "-e", BAKE, addon]
    subprocess.run(command, input=json.dumps(jobs), text=True, check=True, cwd=ROOT)
    return [read(job["out"]) for job in jobs]


class Case:
    """One family of tensors: a base, three fine-tunes and their differences, in files and in memory."""

    def __init__(self, folder: Path, spread: float):
        self.folder = folder
        self.base = {name: 0.05 * torch.randn(shape) for name, shape in SHAPES.items()}
        common = {name: torch.randn(shape) for name, shape in SHAPES.items()}
        # Vectors of one data set share a part, as personality vectors do.
        self.tuned = [
            {name: b + spread * (0.5 * common[name] + torch.randn(b.shape)) for name, b in self.base.items()}
            for _ in range(3)
        ]
        self.deltas = [{name: x[name] - b for name, b in self.base.items()} for x in self.tuned]
        self.base_file = write(folder / "base.gguf", "model", self.base)
        zeros = {name: torch.zeros_like(b) for name, b in self.base.items()}
        self.zero_file = write(folder / "zeros.gguf", "model", zeros)
        self.vector_files = [
            write(folder / f"vector-{i}.gguf", "personality-vector", delta) for i, delta in enumerate(self.deltas)
        ]

    def job(self, method: str, weights: list, density=None, base=None, only=None, **options) -> dict:
        vectors = [
            {"path": self.vector_files[i], "id": f"vector {i}", "weight": weight}
            | ({} if density is None else {"density": density[i]})
            for i, weight in enumerate(weights)
            if only is None or i == only
        ]
        number = len(list(self.folder.iterdir()))
        out = self.folder / f"out-{number}-{method}.gguf"
        out.touch()
        return {"base": base or self.base_file, "out": str(out), "type": "f32", "method": method, "vectors": vectors} | options

    def masks(self, method: str, density: list, **options) -> list:
        """What native-merge keeps of each vector: a bare vector on a base of zeros, not rescaled."""
        options = {key: value for key, value in options.items() if key in ("seed", "epsilon")}
        plain = {"dare_linear": "dare_linear", "dare_ties": "dare_linear"}.get(method, "della_linear")
        one = [1.0] * len(density)
        jobs = [
            self.job(plain, one, density, base=self.zero_file, only=i, rescale="none", **options)
            for i in range(len(density))
        ]
        return [{name: (kept != 0).float() for name, kept in baked.items()} for baked in bake(jobs)]


class Masks:
    """Stands in for torch.bernoulli: gives native-merge's masks in turn and notes the probabilities asked for."""

    def __init__(self, masks: list):
        self.masks = list(masks)
        self.seen = []

    def __call__(self, probabilities):
        mask = self.masks.pop(0).reshape(probabilities.shape)
        self.seen.append((probabilities, mask))
        return mask.to(probabilities.dtype)

    def deviation(self) -> float:
        """Largest deviation of what was kept from what was to be expected, over four bands of probability."""
        worst = 0.0
        for probabilities, mask in self.seen:
            p, kept = probabilities.flatten().double(), mask.flatten().double()
            order = p.argsort()
            for band in order.chunk(4):
                spread = (p[band] * (1 - p[band])).sum().sqrt()
                worst = max(worst, abs((kept[band] - p[band]).sum() / spread).item())
        return worst


def theirs(case: Case, method: str, name: str, weights: list, density, options: dict, masks):
    """mergekit's result for one tensor, and the stand-in for its generator where it asked for random numbers."""
    count = len(weights)
    tuned = [x[name] for x in case.tuned[:count]]
    with_base = method != "karcher"
    tensors = [case.base[name], *tuned] if with_base else tuned
    per_input = lambda values: dict(enumerate(values, start=1))  # noqa: E731
    parameters = {"lambda": options.get("lambda", 1.0)}
    if method in ("slerp", "nuslerp", "model_stock", "karcher", "sce"):
        parameters = {}
    if method == "slerp":
        parameters["t"] = weights[0]
    elif method == "sce":
        parameters["select_topk"] = options.get("selectTopk", 1.0)
    elif method not in ("model_stock", "karcher"):
        parameters["weight"] = per_input(weights)
    if density is not None:
        parameters["density"] = per_input(density)
    for key in ("gamma", "epsilon"):
        if key in options:
            parameters[key] = per_input([options[key]] * count)
    if "normalize" in options:
        parameters["normalize"] = options["normalize"]
    if "rescale" in options:
        parameters["rescale"] = options["rescale"] == "l1"
    generator = Masks([mask[name] for mask in masks or []])
    bernoulli, torch.bernoulli = torch.bernoulli, generator
    try:
        ids = list(range(len(tensors))) if with_base else list(range(1, count + 1))
        merged = merge_tensors(
            tensors, method, parameters=parameters, ids=ids, base_index=0 if with_base else None, name=name
        )
    finally:
        torch.bernoulli = bernoulli
    return merged, generator


three, sums = [0.7, -0.4, 1.1], {"lambda": 0.8}
even, uneven = [0.3, 0.3, 0.3], [0.5, 0.3, 0.8]
RUNS = [
    ("task_arithmetic", three, None, sums),
    ("task_arithmetic", three, None, {"normalize": True}),
    ("ties", three, even, sums),
    ("ties", three, uneven, {"normalize": False, "rescale": "l1"}),
    ("breadcrumbs", three, even, sums | {"gamma": 0.01}),
    ("breadcrumbs", three, uneven, {"gamma": 0.1, "rescale": "l1", "normalize": True}),
    ("breadcrumbs_ties", three, even, sums | {"gamma": 0.01}),
    ("breadcrumbs_ties", three, uneven, {"gamma": 0.1, "rescale": "l1", "normalize": True}),
    ("dare_linear", three, uneven, sums | {"rescale": "l1", "seed": SEED}),
    ("dare_ties", three, uneven, sums | {"rescale": "l1", "seed": SEED}),
    ("della_linear", three, uneven, sums | {"rescale": "l1", "seed": SEED, "epsilon": 0.1}),
    ("della", three, uneven, sums | {"rescale": "l1", "seed": SEED, "epsilon": 0.1}),
    ("sce", [1.0, 1.0, 1.0], None, {}),
    ("sce", [1.0, 1.0, 1.0], None, {"selectTopk": 0.3}),
    ("slerp", [0.3], None, {}),
    ("nuslerp", [0.6, 1.4], None, {}),
    ("model_stock", [1.0, 1.0, 1.0], None, {}),
    ("karcher", [1.0, 1.0, 1.0], None, {}),
]


def main() -> int:
    packages = ", ".join(f"{name} {version(name)}" for name in ("mergekit", "torch", "gguf"))
    print(f"{packages}; Python {platform.python_version()}, {platform.system()} {platform.machine()}\n")
    print("method            tensors  options                                             difference of largest    z")
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for kind, spread in SPREADS.items():
            (Path(folder) / kind).mkdir()
            case = Case(Path(folder) / kind, spread)
            baked = bake([case.job(method, weights, density, **options) for method, weights, density, options in RUNS])
            for (method, weights, density, options), ours in zip(RUNS, baked):
                random = method.startswith(("dare", "della"))
                masks = case.masks(method, density, **options) if random else None
                difference, share, deviation = 0.0, 0.0, 0.0
                for name, values in ours.items():
                    result, generator = theirs(case, method, name, weights, density, options, masks)
                    gap = (values - result).abs().max().item()
                    difference = max(difference, gap)
                    share = max(share, gap / result.abs().max().item())
                    deviation = max(deviation, generator.deviation())
                worst = max(worst, share)
                said = ", ".join(f"{key} {value}" for key, value in options.items() if key != "seed")
                print(
                    f"{method:17} {kind:8} {said:51} {difference:10.1e} {share:10.1e}"
                    + (f" {deviation:4.1f}" if random else "")
                    + ("   DIFFERS" if share > TOLERANCE else "")
                )
    print(f"\nLargest difference, as a share of the tensor's largest weight: {worst:.1e}")
    return 1 if worst > TOLERANCE else 0


sys.exit(main())
