"""Train the table: batches drawn by source, contrastive loss, Adam."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from training.data import Source, log
from training.model import Table, contrastive_loss, document_matrix, embed, latent_semantic_start, random_start
from training.sampling import Sampler


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of one run."""

    dimension: int = 256
    start: str = "lsa"  # or "random"
    start_rows: int = 6000
    start_window: int = 1  # rows of a document that make one bag for the start
    power: float = 0.0
    steps: int = 1000
    batch: int = 2048
    block: int = 256  # pairs of one batch that come from the same source: harder negatives
    learning_rate: float = 3e-3
    scale: float = 20.0  # 1 / temperature
    drop: float = 0.1  # share of tokens left out at random
    drop_spread: float = 0.0  # a text's share lies within this of `drop`
    near: float = 0.0  # share of blocks that pair a sentence with those after it, in either language
    parallel: float = 0.55  # share of blocks with parallel pairs
    cross: float = 0.1  # share of blocks with questions and answers in different languages
    halves: float = 0.15  # share of blocks that pair the two halves of an answer
    boost: float = 4.0  # weight of machine-learning sources
    exponent: float = 0.5  # a source's weight is its size to this power
    seed: int = 1


def start(sources: list[Source], vocabulary: int, options: Options, cache: Path) -> Table:
    """The table before training; the slow kind is kept in `cache`."""
    if options.start == "random":
        return random_start(vocabulary, options.dimension, options.seed)
    names = ("dimension", "start_rows", "start_window", "power", "seed")
    tokens = sum(len(s.left.ids) + len(s.right.ids) for s in sources)
    file = cache / f"start-{'-'.join(str(getattr(options, n)) for n in names)}-{vocabulary}-{tokens}.npy"
    if not file.exists():
        counts = document_matrix(sources, vocabulary, options.start_rows, options.start_window, options.seed)
        np.save(file, latent_semantic_start(counts, options.dimension, options.power, options.seed))
    table: Table = np.load(file)
    return table


def train(sources: list[Source], table: Table, options: Options) -> Table:
    """Train a copy of `table` (vocabulary, dimension) and return it."""
    torch.manual_seed(options.seed)
    weight = torch.nn.Parameter(torch.from_numpy(table.copy()))
    optimizer = torch.optim.Adam([weight], lr=options.learning_rate, betas=(0.9, 0.99), fused=True)
    sampler, began, running = Sampler(sources, options), time.monotonic(), 0.0
    for step in range(options.steps):
        rate = min(1.0, (step + 1) / 50) * 0.5 * (1 + math.cos(math.pi * step / options.steps))
        optimizer.param_groups[0]["lr"] = options.learning_rate * max(rate, 0.01)
        left, right = sampler.batch()
        loss = contrastive_loss(embed(weight, *left), embed(weight, *right), options.scale)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        weight.grad[0] = 0  # type: ignore[index]
        optimizer.step()
        value = float(loss.detach())
        running = value if step == 0 else 0.98 * running + 0.02 * value
        if (step + 1) % 100 == 0:
            log(
                f"step {step + 1}/{options.steps}  loss {running:.3f}  {(time.monotonic() - began) / (step + 1):.3f} s/step"
            )
    trained: Table = weight.detach().numpy()
    return trained
