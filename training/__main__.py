"""Command line: `python -m training tokenizer|teach|train|blend|evaluate|export`; see README.md beside this file."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent
SHARED = CHECKOUT.parent / "shared"


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command's arguments; every field of `train.Options` is a flag of `train`."""
    from training.train import Options

    parser = argparse.ArgumentParser(prog="python -m training", description="Make the bundled sentence encoder.")
    parser.add_argument(
        "--data", type=Path, default=SHARED / "training", help="training sources (default ../shared/training)"
    )
    parser.add_argument("--evaluation", type=Path, default=SHARED / "eval", help="evaluation sets, never trained on")
    parser.add_argument(
        "--seeds", type=Path, default=SHARED / "seeds", help="pages the development questions are about"
    )
    parser.add_argument(
        "--work", type=Path, default=Path(tempfile.gettempdir()) / "retriever-training", help="caches and tables"
    )
    parser.add_argument("--threads", type=int, default=2)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("tokenizer", help="count words and build WORK/tokenizer.json")
    teach = commands.add_parser("teach", help="have the English teacher encode English texts, into WORK/teacher")
    teach.add_argument(
        "--rows", type=int, default=1500, help="texts of a source, unless of machine learning or everyday language"
    )
    train = commands.add_parser("train", help="train, evaluate, append to runs.jsonl and write WORK/RUN.npy")
    train.add_argument("--run", required=True, help="name of the run")
    train.add_argument("--note", default="", help="what the run tries")
    for field in dataclasses.fields(Options):
        train.add_argument("--" + field.name.replace("_", "-"), type=type(field.default), default=field.default)
    blend = commands.add_parser(
        "blend", help="average the tables of runs with the same start, smooth, evaluate, write WORK/RUN.npy"
    )
    blend.add_argument("--run", required=True, help="name of the result")
    blend.add_argument("--of", nargs="+", required=True, help="names of the runs to average")
    blend.add_argument("--smooth", type=float, default=0.1)
    blend.add_argument("--note", default="")
    evaluate = commands.add_parser("evaluate", help="score a run, the bundled model, or any other")
    evaluate.add_argument("--run", help="name of a run")
    evaluate.add_argument("--model", default="static-zh-en", help="name or path of a model [default: the bundled one]")
    evaluate.add_argument("--log", action="store_true", help="append the scores of --model to runs.jsonl")
    export = commands.add_parser("export", help="write the sentence-transformers folder of a run")
    export.add_argument("--run", required=True, help="name of the run whose table to use")
    export.add_argument("--to", type=Path, default=CHECKOUT / "retriever/models/static-zh-en")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; scores go to stdout as JSON."""
    args = parse(arguments)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ.setdefault(name, str(args.threads))
    import numpy as np
    from tokenizers import Tokenizer

    from training import data, evaluate, export, leakage, model, teacher, tokenizer, train

    if args.command == "tokenizer":
        own_files = sorted(data.OWN.glob("*.jsonl"))
        tokenizer.make(args.data, own_files, args.work, rows=9000, sizes=tokenizer.VocabularySizes())
        return 0
    if args.command == "evaluate" and not args.run:
        from retriever.encoders.load import load_encoder

        scores = evaluate.evaluate(load_encoder(args.model).encode_passages, args.evaluation, args.seeds)
        print(json.dumps(scores))
        if args.log:
            record({"run": Path(args.model).name, "note": "for comparison", "options": {}, "scores": scores})
        return 0
    banned = leakage.evaluation_fingerprints(args.evaluation, args.seeds)
    if args.command == "teach":
        teacher.teach(args.data, banned, args.work, args.rows, args.threads)
        return 0
    pieces = Tokenizer.from_file(str(args.work / "tokenizer.json"))
    if args.command == "export":
        table = np.load(args.work / f"{args.run}.npy")
        rows = map(json.loads, (HERE / "runs.jsonl").read_text("utf-8").splitlines())
        print(json.dumps(export.export(pieces, table, args.to, {row["run"]: row for row in rows}, args.run)))
        return 0
    sources = data.load_sources(args.data, banned, pieces, args.work)
    own = data.load_own(data.OWN, banned, pieces)
    began = time.monotonic()
    settings: dict[str, Any] = {}
    if args.command == "train":
        options = train.Options(**{f.name: getattr(args, f.name) for f in dataclasses.fields(train.Options)})
        settings = dataclasses.asdict(options)
        lessons = teacher.load_lessons(sources, args.work)
        lessons += teacher.own_lessons(own, args.work, args.threads, options.hold)
        begin = train.start(sources, lessons, pieces.get_vocab_size(), options, args.work)
        names = [str(pieces.id_to_token(number)) for number in range(pieces.get_vocab_size())]
        other = model.counterparts(begin, names) if options.switch else None
        table = train.train(sources, own, lessons, begin, options, other, args.work / f"{args.run}.checkpoint.npz")
    elif args.command == "blend":
        settings = {"of": args.of, "smooth": args.smooth}
        table = model.smooth(np.mean([np.load(args.work / f"{run}.npy") for run in args.of], axis=0), args.smooth)
    else:
        table = np.load(args.work / f"{args.run}.npy")
    seconds = round(time.monotonic() - began)
    scores = evaluate.evaluate(lambda texts: evaluate.encode(pieces, table, texts), args.evaluation, args.seeds)
    scores |= evaluate.held_out(table, sources)
    if settings.get("hold") and "topics" in own:
        scores |= evaluate.held_topics(table, own["topics"], settings["hold"])
    print(json.dumps(scores))
    if args.command != "evaluate":
        np.save(args.work / f"{args.run}.npy", table)
        row = {
            "run": args.run,
            "note": args.note,
            "vocabulary": len(table),
            "seconds": seconds,
            "options": settings,
            "scores": scores,
        }
        record(row)
    return 0


def record(row: dict[str, Any]) -> None:
    """Append one run to the log."""
    with (HERE / "runs.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(main())
