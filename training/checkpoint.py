"""What a run needs to go on where it was broken off: the table, Adam's moments, the step, and the state of the random draws."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

EVERY = 100  # steps


def save(
    file: Path,
    step: int,
    weight: torch.nn.Parameter,
    optimizer: torch.optim.Optimizer,
    rng: np.random.Generator,
    key: str,
) -> None:
    """Write `file` aside and rename it; `key` says of which run it is."""
    moments = optimizer.state[weight]
    aside = file.with_suffix(".part.npz")
    np.savez(
        aside,
        step=step,
        weight=weight.detach().cpu().numpy(),
        first=moments["exp_avg"].cpu().numpy(),
        second=moments["exp_avg_sq"].cpu().numpy(),
        draws=json.dumps(rng.bit_generator.state),
        key=key,
    )
    aside.replace(file)


def restore(
    file: Path, weight: torch.nn.Parameter, optimizer: torch.optim.Optimizer, rng: np.random.Generator, key: str
) -> int:
    """Put the state of `file` back and return the number of steps done; 0 where there is none, or one of another run."""
    if not file.exists():
        return 0
    with np.load(file, allow_pickle=False) as z:
        if str(z["key"]) != key:
            return 0
        step = int(z["step"])
        with torch.no_grad():
            weight.copy_(torch.from_numpy(z["weight"]))
        optimizer.state[weight] = {
            "step": torch.tensor(float(step), device=weight.device),
            "exp_avg": torch.from_numpy(z["first"]).to(weight.device),
            "exp_avg_sq": torch.from_numpy(z["second"]).to(weight.device),
        }
        rng.bit_generator.state = json.loads(str(z["draws"]))
        return step
