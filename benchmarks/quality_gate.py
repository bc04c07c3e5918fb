"""The floors that answers may not fall below: measured, compared with ``floors.json``, and only ever raised without a second word.

    python benchmarks/quality_gate.py                    # measure and compare; exit status 1 below a floor
    python benchmarks/quality_gate.py --record           # write floors from what was measured now; refuses to lower one
    python benchmarks/quality_gate.py --record --lower   # … and lowers too

Questions over the bundled corpus and over four sets of test pages always; the development questions where ../shared is beside the checkout. A floor lies one standard
error of the measured mean, and at least 0.02, below what was measured when it was recorded. Floors hold for the questions and documents whose fingerprints
stand beside them: others must be recorded first. A question that breaks counts as a miss.
"""

import argparse
import json
import math
import sys
import tempfile
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from retriever.encoders.load import load_encoder  # noqa: E402
from retriever.evaluation.evaluate import Evaluation, content_lines, measure, respond_all  # noqa: E402
from retriever.evaluation.gold import read_questions  # noqa: E402
from retriever.evaluation.records import Interval  # noqa: E402
from retriever.indexing import open_index  # noqa: E402
from retriever.pipeline import build  # noqa: E402
from retriever.search import Retriever  # noqa: E402

FLOORS = Path(__file__).with_name("floors.json")
SHARED = CHECKOUT.parent / "shared"
PAGES = CHECKOUT / "tests" / "pages"
SETS = {
    "bundled": (CHECKOUT / "corpus", CHECKOUT / "tests" / "data" / "corpus_questions.jsonl"),
    "pages": (PAGES / "dev", PAGES / "dev" / "questions.jsonl"),
    "more pages": (PAGES / "dev2", PAGES / "dev2" / "questions.jsonl"),
    "third pages": (PAGES / "dev3", PAGES / "dev3" / "questions.jsonl"),
    "fourth pages": (PAGES / "dev4", PAGES / "dev4" / "questions.jsonl"),
    "development": (SHARED / "seeds", SHARED / "eval" / "dev_questions.jsonl"),
}
MEASURES = ("full@1", "full@3", "nDCG@10")
OVERALL = ("auroc", "refusal recall")
FEWEST = 10  # groups of fewer questions have no floor


def evaluate(corpus: Path, questions: Path) -> tuple[Evaluation, dict[str, str]]:
    """Build an index of `corpus` aside, ask, measure; with the fingerprints of what was used."""
    with tempfile.TemporaryDirectory() as folder:
        encoder = load_encoder()
        build([corpus], Path(folder), encoder)
        index = open_index(Path(folder))
        asked = read_questions(questions, index)
        responses = respond_all(Retriever(index, encoder), asked, 10, None, lambda *_: None)
        found = measure(asked, responses, content_lines(index), MEASURES)
        return found, {"questions": asked.digest, "corpus": str(index.manifest["corpus_digest"])}


def measured(found: Evaluation) -> dict[str, Interval]:
    """What has floors: ``group/measure`` of the groups that are large enough, and measures of the whole set."""
    out = {
        f"{group}/{name}": row[name]
        for group, row in found.report.groups.items()
        for name in MEASURES
        if row[name].count >= FEWEST
    }
    return out | {name: found.report.overall[name] for name in OVERALL if name in found.report.overall}


def floor_of(interval: Interval) -> float:
    """One standard error, read off the 95 % interval, or 0.02 below the mean, whichever is more."""
    error = (interval.high - interval.low) / (2 * 1.96)
    return max(0.0, math.floor(1000 * (interval.mean - max(0.02, error))) / 1000)


def check(name: str, now: dict[str, Interval], prints: dict[str, str], floors: dict[str, Any]) -> list[str]:
    """What is wrong with the set `name`, in words; nothing when all floors hold."""
    recorded = floors.get(name)
    if recorded is None:
        return [f"{name}: no floors; record them with --record"]
    if recorded["fingerprints"] != prints:
        return [f"{name}: other questions or documents than the floors were recorded with; record anew with --record"]
    wrong = [f"{name}: {key} is not measured any more" for key in recorded["floors"] if key not in now]
    return wrong + [
        f"{name}: {key} is {now[key].mean:.3f}, below its floor of {floor:.3f}"
        for key, floor in recorded["floors"].items()
        if key in now and not now[key].mean >= floor
    ]


def record(
    name: str, now: dict[str, Interval], prints: dict[str, str], floors: dict[str, Any], lower: bool
) -> list[str]:
    """Set the floors of `name`; the names of those that would fall and may not."""
    fresh = {key: floor_of(interval) for key, interval in now.items()}
    old = floors.get(name, {}).get("floors", {})
    fallen = [
        f"{name}: {key} would fall from {old[key]:.3f} to {fresh.get(key, 0.0):.3f}"
        for key in old
        if fresh.get(key, 0.0) < old[key]
    ]
    if fallen and not lower:
        kept = {key: max(floor, old.get(key, 0.0)) for key, floor in fresh.items()}
        if floors[name]["fingerprints"] == prints:
            floors[name]["floors"] = kept
        return [f"{one}; give --lower as well if that is meant" for one in fallen]
    floors[name] = {"fingerprints": prints, "floors": fresh}
    return []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--lower", action="store_true", help="with --record: lower floors too")
    options = parser.parse_args()
    floors: dict[str, Any] = json.loads(FLOORS.read_text("utf-8")) if FLOORS.exists() else {}
    wrong: list[str] = []
    for name, (corpus, questions) in SETS.items():
        if not questions.exists():
            print(f"{name}: skipped, {questions.parent.name} is absent", file=sys.stderr)
            continue
        found, prints = evaluate(corpus, questions)
        now = measured(found)
        wrong += (
            record(name, now, prints, floors, options.lower) if options.record else check(name, now, prints, floors)
        )
        whole = found.report.groups["all"]
        print(
            name,
            *(f"{key} {whole[key].mean:.3f}" for key in MEASURES),
            *(f"{key} {now[key].mean:.3f}" for key in OVERALL),
        )
    if options.record:
        FLOORS.write_text(json.dumps(floors, indent=2) + "\n", "utf-8")
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
