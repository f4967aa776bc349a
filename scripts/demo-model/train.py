"""The training loop shared by the base model and its fine-tunes: weighted next-token loss, AdamW and Muon, warm-up and linear decay."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import torch
import torch.nn.functional as F
from torch import Tensor

from model import Llama
from tokens import Encoded, batches


HALF = torch.cpu._is_avx512_bf16_supported()
"""Whether matrix products run in BF16 (weights and sums stay F32): nearly twice as fast where the processor has it, slower where not."""


@dataclass(frozen=True)
class Course:
    rate: float
    passes: int = 1
    budget: int = 2048
    """Tokens in a batch, padding included."""
    warmup: int = 100
    decay: float = 0.35
    """Share of all steps, at the end, over which the rate falls linearly to a twentieth."""
    weight_decay: float = 0.05
    muon: float = 0.0
    """Rate of Muon for the blocks' matrices; without it they learn by AdamW, as everything else does."""
    seed: int = 1
    steps: int | None = None
    """Stops after so many steps of the plan, before its decay perhaps."""
    digits: tuple[int, ...] = ()
    """Ids of the digits 1 to 5: ratings then learn the persona's whole distribution and not the one drawn from it."""


@dataclass
class Figures:
    steps: int = 0
    tokens: int = 0
    seconds: float = 0.0
    loss: float = 0.0
    """Mean weighted loss of the last hundred steps."""


def answer_loss(logits: Tensor, ids: Tensor, chosen: Tensor, spreads: Tensor, digits: tuple[int, ...]) -> Tensor:
    """Cross-entropy of each chosen id, or against the spread where the id is a rating's digit."""
    targets = ids[chosen]
    plain = F.cross_entropy(logits, targets, reduction="none")
    if not digits:
        return plain
    spread = spreads.unsqueeze(1).expand(-1, ids.shape[1], -1)[chosen]
    rated = (spread.sum(-1) > 0) & torch.isin(targets, torch.tensor(digits))
    soft = -(spread * torch.log_softmax(logits, -1)[:, list(digits)]).sum(-1)
    return torch.where(rated, soft, plain)


def optimizers_of(model: Llama, parameters: list[torch.nn.Parameter], course: Course) -> list[torch.optim.Optimizer]:
    """AdamW, and for the matrices of the blocks Muon (Jordan et al. 2024) if the course has a rate for it: its steps are as long in all
    directions of a matrix, and copying whatever name comes needs them all."""
    matrices = {layer.weight for layer in model.linears()} if course.muon else set()
    rest = [p for p in parameters if p not in matrices]
    found: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(rest, lr=course.rate, betas=(0.9, 0.97), weight_decay=course.weight_decay, fused=True)
    ]
    if matrices:
        found.append(torch.optim.Muon([p for p in parameters if p in matrices], lr=course.muon, weight_decay=course.weight_decay))
    for group in (group for optimizer in found for group in optimizer.param_groups):
        group["initial_lr"] = group["lr"]
    return found


def train(
    model: Llama,
    parameters: list[torch.nn.Parameter],
    data: list[Encoded],
    course: Course,
    on_step: Callable[[Figures], None] | None = None,
) -> Figures:
    torch.manual_seed(course.seed)
    rng = Random(course.seed)
    optimizers = optimizers_of(model, parameters, course)
    plan = [batch for _ in range(course.passes) for batch in batches(data, course.budget, rng, model.shape.context)]
    figures, losses, start = Figures(), [], time.monotonic()
    for step, (ids, weights, spreads) in enumerate(plan[: course.steps]):
        left = (len(plan) - step) / max(1.0, len(plan) * course.decay)
        scale = min(1.0, (step + 1) / course.warmup, 0.05 + 0.95 * left)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * scale
        target_weights = weights[:, 1:]
        chosen = target_weights > 0
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=HALF):
            logits = model.logits(model(ids[:, :-1])[chosen])
        loss_each = answer_loss(logits.float(), ids[:, 1:], chosen, spreads, course.digits)
        loss = (loss_each * target_weights[chosen]).sum() / target_weights[chosen].sum()
        model.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        for optimizer in optimizers:
            optimizer.step()
        losses.append(loss.item())
        figures.steps = step + 1
        figures.tokens += ids.numel()
        figures.seconds = time.monotonic() - start
        figures.loss = sum(losses[-100:]) / len(losses[-100:])
        if on_step and (step % 100 == 99 or step + 1 == len(plan)):
            on_step(figures)
    return figures
