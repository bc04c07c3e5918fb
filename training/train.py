"""Train the table: batches drawn by source, contrastive loss, the teacher's similarities, Adam."""

from __future__ import annotations

import hashlib
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from training import checkpoint
from training.data import Ids, Lesson, Source, Topics, log
from training.model import (
    Table,
    contrastive_loss,
    document_matrix,
    embed,
    latent_semantic_start,
    random_start,
    relation_loss,
    taught_start,
)
from training.sampling import Sampler

TEACHER_DIMENSION = 384


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of one run."""

    dimension: int = TEACHER_DIMENSION
    start: str = "taught"  # or "lsa", "random"
    start_rows: int = 6000  # rows of a source the lsa start takes at most
    start_window: int = 1  # rows of a document that make one bag for the lsa start
    power: float = 0.0  # of the singular values in the lsa start
    ridge: float = 1.0  # of the taught start
    steps: int = 1000
    batch: int = 2048
    block: int = 256  # pairs of one batch that come from the same source: harder negatives
    learning_rate: float = 3e-3
    scale: float = 20.0  # 1 / temperature
    drop: float = 0.1  # share of tokens left out at random
    switch: float = 0.0  # share of tokens put into the other language, where the start knows a counterpart
    drop_spread: float = 0.0  # a text's share lies within this of `drop`
    near: float = 0.0  # share of blocks that pair a sentence with those after it, in either language
    parallel: float = 0.55  # share of blocks with parallel pairs
    cross: float = 0.1  # share of blocks with questions and answers in different languages
    halves: float = 0.15  # share of blocks that pair the two halves of an answer
    topics: float = 0.0  # share of blocks with our own questions and answers
    terms: float = 0.0  # share of blocks with the names of our own terms
    everyday: float = 0.0  # share of blocks with our own everyday sentences
    hold: int = 0  # every so manieth of our own topics is not trained on, to be asked about; 0 trains on all
    one_area: float = 0.0  # share of our own blocks whose topics are all of one file: harder negatives
    answered: float = 0.5  # share of our own questions paired with an answer, not with another question
    taught: float = 0.0  # weight of the teacher's loss
    lessons: int = 2  # sources a step takes the teacher's texts from
    lesson: int = 384  # texts of one of them
    boost: float = 4.0  # weight of machine-learning sources
    general: float = 1.0  # weight of sources of everyday language
    general_lessons: float = 1.0  # the same, when the teacher's texts are drawn
    exponent: float = 0.5  # a source's weight is its size to this power
    seed: int = 1


def start(sources: list[Source], lessons: list[Lesson], vocabulary: int, options: Options, cache: Path) -> Table:
    """The table before training; the slow kinds are kept in `cache`.

    Raises ValueError when the taught start is asked for in another dimension than the teacher's, or without lessons.
    """
    if options.start == "random":
        return random_start(vocabulary, options.dimension, options.seed)
    if options.start == "taught" and (options.dimension != TEACHER_DIMENSION or not lessons):
        raise ValueError(f"the taught start needs lessons (run: teach) and dimension {TEACHER_DIMENSION}")
    if options.start == "taught":
        texts = [part for s in lessons for part in (s.text.ids, s.rows, s.vectors[:1])]
        names: tuple[str, ...] = ("start", "ridge")
    else:
        texts = [part for s in sources for part in (s.left.ids, s.right.ids)]
        names = ("start", "dimension", "start_rows", "start_window", "power", "seed")
    settings = repr([vocabulary, *(getattr(options, name) for name in names)])
    digest = hashlib.sha256(settings.encode())
    for part in texts:
        digest.update(part.tobytes())
    file = cache / f"start-{digest.hexdigest()[:16]}.npy"
    if not file.exists():
        if options.start == "taught":
            np.save(file, taught_start(lessons, vocabulary, ridge=options.ridge))
        else:
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
    sources: list[Source],
    own: dict[str, Topics],
    lessons: list[Lesson],
    table: Table,
    options: Options,
    counterparts: Ids | None = None,
    kept: Path | None = None,
) -> Table:
    """Train a copy of `table` (vocabulary, dimension) and return it; on a GPU when there is one.

    `counterparts` (see `model.counterparts`) are needed where ``switch`` is set. With `kept`, the state is written there every
    `checkpoint.EVERY` steps, and a run of the same options and start that was broken off goes on from it.
    """
    torch.manual_seed(options.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    weight = torch.nn.Parameter(torch.from_numpy(table.copy()).to(device))
    optimizer = torch.optim.Adam([weight], lr=options.learning_rate, betas=(0.9, 0.99), fused=True)
    sampler, began, running = Sampler(sources, own, options, counterparts), time.monotonic(), 0.0
    key = hashlib.sha256(repr(options).encode() + table.tobytes()).hexdigest()
    done = checkpoint.restore(kept, weight, optimizer, sampler.rng, key) if kept else 0
    if done:
        log(f"going on after step {done}")
    for step in range(done, options.steps):
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
        running = value if step == done else 0.98 * running + 0.02 * value
        if (step + 1) % 100 == 0:
            log(
                f"step {step + 1}/{options.steps}  loss {running:.3f}  {(time.monotonic() - began) / (step + 1 - done):.3f} s/step"
            )
        if kept and (step + 1) % checkpoint.EVERY == 0:
            checkpoint.save(kept, step + 1, weight, optimizer, sampler.rng, key)
    if kept:
        kept.unlink(missing_ok=True)
    trained: Table = weight.detach().cpu().numpy()
    return trained
