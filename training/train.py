"""Train the table: batches drawn by source, contrastive loss, Adam."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from training.data import Lesson, Source, Topics, log
from training.model import (
    Table,
    contrastive_loss,
    document_matrix,
    embed,
    latent_semantic_start,
    random_start,
    relation_loss,
)
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
    domain: float = 0.0  # share of blocks with our own questions and answers
    terms: float = 0.0  # share of blocks with the names of our own terms
    answered: float = 0.5  # share of our own questions paired with an answer, not with another question
    taught: float = 0.0  # weight of the teacher's loss
    lessons: int = 2  # sources a step takes the teacher's texts from
    lesson: int = 384  # texts of one of them
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


def teacher_loss(weight: torch.Tensor, sampler: Sampler, lessons: list[Lesson], options: Options) -> torch.Tensor:
    """Similarities among texts of one source as the teacher sees them: English, and where there are translations, across and Chinese."""
    losses = []
    for _ in range(options.lessons):
        text, translation, vectors = sampler.lesson(lessons, options.lesson)
        taught = torch.from_numpy(vectors).to(weight.device)
        english = embed(weight, *sampler.join([text]))
        losses.append(relation_loss(english, english, taught, options.scale))
        if translation:
            chinese = embed(weight, *sampler.join([translation]))
            losses.append(relation_loss(chinese, english, taught, options.scale))
            losses.append(relation_loss(chinese, chinese, taught, options.scale))
    return torch.stack(losses).mean()


def train(
    sources: list[Source], topics: dict[str, Topics], lessons: list[Lesson], table: Table, options: Options
) -> Table:
    """Train a copy of `table` (vocabulary, dimension) and return it; on a GPU when there is one."""
    torch.manual_seed(options.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    weight = torch.nn.Parameter(torch.from_numpy(table.copy()).to(device))
    optimizer = torch.optim.Adam([weight], lr=options.learning_rate, betas=(0.9, 0.99), fused=True)
    sampler, began, running = Sampler(sources, topics, options), time.monotonic(), 0.0
    for step in range(options.steps):
        rate = min(1.0, (step + 1) / 50) * 0.5 * (1 + math.cos(math.pi * step / options.steps))
        optimizer.param_groups[0]["lr"] = options.learning_rate * max(rate, 0.01)
        left, right = sampler.batch()
        loss = contrastive_loss(embed(weight, *left), embed(weight, *right), options.scale)
        if options.taught:
            loss = loss + options.taught * teacher_loss(weight, sampler, lessons, options)
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
    trained: Table = weight.detach().cpu().numpy()
    return trained
