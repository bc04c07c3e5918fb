"""Draw training batches: blocks of pairs from one source each, sources by weight, some pairs made from neighbouring rows or from topics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from training.data import HELD_EVERY, Ids, Lesson, Source, Topics

if TYPE_CHECKING:
    from training.train import Options

Bag = tuple[Ids, npt.NDArray[np.int64]]
"""Texts as flat token ids and the length of each."""

Rows = npt.NDArray[np.int64]

KINDS = ("parallel", "cross", "halves", "near", "topics", "terms", "everyday")
"""Kinds of pairs whose share of the blocks is an option; question→answer pairs have the rest. Kinds without data are left out."""


def training_rows(source: Source) -> Rows:
    """The rows to train on; the others, of machine-learning sources, are held out."""
    rows = np.arange(len(source))
    return rows[rows % HELD_EVERY != 0] if source.deep_learning and source.kind != "cross" else rows


class Sampler:
    """Draws batches by the options' shares and weights.

    `own` maps ``topics``, ``terms`` and ``everyday`` to our own text of that kind; `counterparts` are the tokens that translate each token.
    """

    def __init__(
        self, sources: list[Source], own: dict[str, Topics], options: Options, counterparts: Ids | None = None
    ) -> None:
        self.counterparts = counterparts
        self.options, self.rng = options, np.random.default_rng(options.seed)
        self.sources, self.own = sources, own
        self.rows = [training_rows(s) for s in sources]
        size = np.array([len(r) ** options.exponent for r in self.rows])
        weights = size * [options.boost if s.deep_learning else options.general if s.general else 1.0 for s in sources]
        members = {kind: np.array([s.kind == kind for s in sources]) for kind in ("parallel", "qa", "cross")}
        members["halves"] = members["qa"]
        members["near"] = np.array([len(s) > 50 and s.in_order for s in sources])
        self.weights = {kind: weights * m / (weights * m).sum() for kind, m in members.items() if m.any()}
        shares = {kind: float(getattr(options, kind)) for kind in KINDS}
        shares["qa"] = 1 - sum(shares.values())
        self.kinds = [kind for kind, share in shares.items() if share > 0 and (kind in own or kind in self.weights)]
        self.shares = np.array([shares[kind] for kind in self.kinds])
        self.shares /= self.shares.sum()

    def batch(self) -> tuple[Bag, Bag]:
        """Two bags of `batch` texts (a few less when small sources are drawn)."""
        blocks = [self.block() for _ in range(self.options.batch // self.options.block)]
        return self.join([left for left, _ in blocks]), self.join([right for _, right in blocks])

    def block(self) -> tuple[Bag, Bag]:
        """One block of pairs from one source."""
        kind = str(self.rng.choice(self.kinds, p=self.shares))
        if kind in self.own:
            return self.topic_pairs(self.own[kind])
        number = int(self.rng.choice(len(self.sources), p=self.weights[kind]))
        source, rows = self.sources[number], self.rows[number]
        chosen = self.rng.choice(rows, min(self.options.block, len(rows)), replace=False)
        if kind == "near":
            return self.neighbours(source, chosen)
        if kind == "halves":
            return self.split(source.right.take(chosen))
        sides = source.left.take(chosen), source.right.take(chosen)
        return sides[::-1] if kind == "parallel" and self.rng.random() < 0.5 else sides

    def topic_pairs(self, topics: Topics) -> tuple[Bag, Bag]:
        """Topics without repetition: a question of each, and an answer or another question of it, in any language."""
        every = self.options.hold
        known = np.array([t for t in range(len(topics)) if not (every and t % every == 0 and len(topics.answers[t]))])
        if self.rng.random() < self.options.one_area:
            known = known[topics.areas[known] == topics.areas[self.rng.choice(known)]]
        chosen = self.rng.choice(known, min(self.options.block, len(known)), replace=False)
        answered = self.rng.random(len(chosen)) < self.options.answered
        one, other = [], []
        for topic, answer in zip(chosen, answered, strict=True):
            first, second = self.rng.choice(topics.questions[topic], 2, replace=False)
            told = topics.answers[topic]
            one.append(first)
            other.append(self.rng.choice(told) if answer and len(told) else second)
        return topics.texts.take(np.array(one)), topics.texts.take(np.array(other))

    def lesson(self, lessons: list[Lesson], count: int) -> tuple[Bag, Bag | None, npt.NDArray[np.float32]]:
        """`count` texts of one source that the teacher has seen, their translations if there are any, and the teacher's vectors."""
        o = self.options
        size = np.array([len(s.rows) ** o.exponent * (o.general_lessons if s.general else 1.0) for s in lessons])
        lesson = lessons[int(self.rng.choice(len(lessons), p=size / size.sum()))]
        chosen = self.rng.choice(len(lesson.rows), min(count, len(lesson.rows)), replace=False)
        rows = lesson.rows[chosen]
        translated = lesson.translation.take(rows) if lesson.translation else None
        return lesson.text.take(rows), translated, lesson.vectors[chosen].astype(np.float32)

    def neighbours(self, source: Source, chosen: Rows) -> tuple[Bag, Bag]:
        """A sentence and the one to three that follow it, each side in a language drawn for the block; held-out rows do not matter
        here: they come without their translation or as one sentence of several.
        """
        count = int(self.rng.integers(1, 4))
        chosen = chosen[chosen + 1 + count <= len(source)]
        one, other = (source.left if self.rng.random() < 0.5 else source.right for _ in range(2))
        return one.take(chosen), other.take(chosen + 1, count)

    def split(self, bag: Bag) -> tuple[Bag, Bag]:
        """Cut each text in two at a random place between 30 and 70 % of it."""
        ids, lengths = bag
        first = np.rint(lengths * self.rng.uniform(0.3, 0.7, len(lengths))).astype(np.int64)
        place = np.arange(len(ids)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        early = place < np.repeat(first, lengths)
        return (ids[early], first), (ids[~early], lengths - first)

    def join(self, bags: list[Bag]) -> Bag:
        """One bag of many; tokens are dropped by making them the unknown token, whose vector is zero.

        A text's share of dropped tokens is drawn between 0 and `drop` + `drop_spread`, so that some texts become a few keywords.
        """
        ids = np.concatenate([ids for ids, _ in bags])
        lengths = np.concatenate([lengths for _, lengths in bags])
        o = self.options
        rates = self.rng.uniform(o.drop - o.drop_spread, o.drop + o.drop_spread, len(lengths))
        ids = np.where(self.rng.random(len(ids)) < np.repeat(rates, lengths), 0, ids).astype(np.int32)
        if o.switch and self.counterparts is not None:
            ids = np.where(self.rng.random(len(ids)) < o.switch, self.counterparts[ids], ids).astype(np.int32)
        return ids, lengths
