"""The demo model: a small Llama (RMSNorm, RoPE, GQA, SwiGLU, tied embeddings) with optional LoRA factors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Shape:
    vocab: int = 3072
    width: int = 256
    layers: int = 4
    heads: int = 8
    kv_heads: int = 4
    feed: int = 512
    context: int = 1024
    rope_base: float = 10000.0
    eps: float = 1e-5

    @property
    def head(self) -> int:
        return self.width // self.heads


class Linear(nn.Module):
    """A bias-free linear layer; `adapt` adds factors B·A of a given rank, applied `scale` times."""

    def __init__(self, inputs: int, outputs: int, std: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) * std)
        self.lora_a: nn.Parameter | None = None
        self.lora_b: nn.Parameter | None = None
        self.scale = 1.0

    def adapt(self, rank: int) -> None:
        outputs, inputs = self.weight.shape
        self.lora_a = nn.Parameter(torch.randn(rank, inputs) / inputs**0.5)
        self.lora_b = nn.Parameter(torch.zeros(outputs, rank))

    def forward(self, x: Tensor) -> Tensor:
        y = F.linear(x, self.weight)
        if self.lora_a is not None and self.lora_b is not None:
            y = y + self.scale * F.linear(F.linear(x, self.lora_a), self.lora_b)
        return y


class RmsNorm(nn.Module):
    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), self.eps)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """RoPE on halves (x: batch, heads, time, head); the exporter permutes rows for llama.cpp's pairs."""
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)


class Block(nn.Module):
    def __init__(self, s: Shape) -> None:
        super().__init__()
        std = s.width**-0.5
        out = std / (2 * s.layers) ** 0.5
        self.shape = s
        self.attn_norm = RmsNorm(s.width, s.eps)
        self.attn_q = Linear(s.width, s.heads * s.head, std)
        self.attn_k = Linear(s.width, s.kv_heads * s.head, std)
        self.attn_v = Linear(s.width, s.kv_heads * s.head, std)
        self.attn_output = Linear(s.heads * s.head, s.width, out)
        self.ffn_norm = RmsNorm(s.width, s.eps)
        self.ffn_gate = Linear(s.width, s.feed, std)
        self.ffn_up = Linear(s.width, s.feed, std)
        self.ffn_down = Linear(s.feed, s.width, out * (s.width / s.feed) ** 0.5)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        s, (n, t, _) = self.shape, x.shape
        h = self.attn_norm(x)
        q = rotate(self.attn_q(h).view(n, t, s.heads, s.head).transpose(1, 2), cos, sin)
        k = rotate(self.attn_k(h).view(n, t, s.kv_heads, s.head).transpose(1, 2), cos, sin)
        v = self.attn_v(h).view(n, t, s.kv_heads, s.head).transpose(1, 2)
        group = s.heads // s.kv_heads
        k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
        # In F32 also under autocast: on short sequences PyTorch's BF16 attention takes three times as long.
        with torch.autocast("cpu", enabled=False):
            y = F.scaled_dot_product_attention(q.float(), k.float(), v.float(), is_causal=True)
        x = x + self.attn_output(y.transpose(1, 2).reshape(n, t, s.width))
        h = self.ffn_norm(x)
        return x + self.ffn_down(F.silu(self.ffn_gate(h)) * self.ffn_up(h))


class Llama(nn.Module):
    """Token ids (batch, time) to final hidden states (batch, time, width); `logits` maps those to the vocabulary."""

    cos: Tensor
    sin: Tensor

    def __init__(self, s: Shape) -> None:
        super().__init__()
        self.shape = s
        self.token_embd = nn.Embedding(s.vocab, s.width)
        nn.init.normal_(self.token_embd.weight, std=0.02)
        self.blk = nn.ModuleList(Block(s) for _ in range(s.layers))
        self.output_norm = RmsNorm(s.width, s.eps)
        speed = s.rope_base ** (-torch.arange(0, s.head, 2).float() / s.head)
        angle = torch.outer(torch.arange(s.context).float(), speed)
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)

    def adapt(self, rank: int) -> list[nn.Parameter]:
        """Freezes everything and gives every linear layer of every block fresh factors; returns those."""
        self.requires_grad_(False)
        factors: list[nn.Parameter] = []
        for layer in self.linears():
            layer.adapt(rank)
            assert layer.lora_a is not None and layer.lora_b is not None
            factors += [layer.lora_a, layer.lora_b]
        return factors

    def linears(self) -> list[Linear]:
        return [module for module in self.blk.modules() if isinstance(module, Linear)]

    def factors(self) -> list[Tensor]:
        """The factors of all layers, in the order of `linears`: A, B, A, B, …"""
        return [f.detach() for layer in self.linears() for f in (layer.lora_a, layer.lora_b) if f is not None]

    def apply_factors(self, factors: list[Tensor], alpha: float) -> None:
        """Puts a vector's factors on the layers at weight alpha, in place of any others."""
        for layer, a, b in zip(self.linears(), factors[::2], factors[1::2], strict=True):
            layer.lora_a, layer.lora_b, layer.scale = nn.Parameter(a), nn.Parameter(b), alpha

    def forward(self, ids: Tensor) -> Tensor:
        t = ids.shape[1]
        x = self.token_embd(ids)
        cos, sin = self.cos[:t].to(x.dtype), self.sin[:t].to(x.dtype)
        for block in self.blk:
            x = block(x, cos, sin)
        return self.output_norm(x)

    def logits(self, hidden: Tensor) -> Tensor:
        return F.linear(hidden, self.token_embd.weight)
