"""Train a variant, ask it about held-out scenes, and keep what came out.

Results are lines of JSON in one file. A line for the same variant, seed and settings replaces
those before it, so several processes can write, and a killed one loses only the run it was at.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.evaluation.accuracy import evaluate
from pixelrefer_ros.evaluation.judging import TASKS
from pixelrefer_ros.training.ablations import ablate
from pixelrefer_ros.training.configuration import TrainingConfig
from pixelrefer_ros.training.trainer import Trainer
from pixelrefer_ros.training.variants import VARIANTS

RESULTS_FILE = "results.jsonl"


@dataclass(frozen=True)
class Ablation:
    """What all variants are trained and asked with.

    config: its seed, its output and its number of object tokens do not count.
    data: folder of the held-out data set.
    limit: at most so many questions of each task.
    """

    config: TrainingConfig
    data: Path
    limit: int | None = None

    @property
    def tasks(self) -> list[str]:
        """The tasks that are asked: those that are trained, as far as they can be judged."""
        files = self.config.data.files
        asked = [t for t in TASKS if any(not file.tasks or t in file.tasks for file in files)]
        if not asked:
            raise CommandError(f"data.files: no tasks among {', '.join(TASKS)}")
        return asked

    @property
    def settings(self) -> str:
        """A short mark, alike for runs that can be compared."""
        config = asdict(replace(self.config, seed=0, output=""))
        values = [config, str(self.data), self.limit]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]

    def run(self, variant: str, seed: int, out: Path) -> Result:
        """Train a variant, with its log in `<out>/<variant>-<seed>`, and ask it.

        Raises what training and evaluation raise.
        """
        began = time.monotonic()
        config = replace(self.config, seed=seed, output=str(out / f"{variant}-{seed}"))
        trainer = Trainer(
            config, resume=False, change=lambda model: ablate(model, VARIANTS[variant])
        )
        trainer.learn(save=False)
        with Describer(trainer.model.eval()) as describer:
            found = evaluate(describer, self.data, limit=self.limit, tasks=self.tasks)
        return Result(
            variant=variant,
            seed=seed,
            settings=self.settings,
            steps=trainer.steps,
            seconds=round(time.monotonic() - began, 1),
            evaluation=found.to_dict(),
        )


@dataclass(frozen=True)
class Result:
    """What a run came to.

    settings: see `Ablation.settings`. seconds: of training and questions together.
    evaluation: the form `pixelrefer evaluate --json` prints.
    """

    variant: str
    seed: int
    settings: str
    steps: int
    seconds: float
    evaluation: Mapping[str, Any]


def add_result(out: Path, result: Result) -> None:
    """Write a line more into the results of a folder."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / RESULTS_FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(result), ensure_ascii=False) + "\n")


def read_results(out: Path) -> list[Result]:
    """Read the results of a folder, each of a variant, seed and settings once: the latest.

    Raises `CommandError` naming a line of no use.
    """
    path = out / RESULTS_FILE
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    results: dict[tuple[str, int, str], Result] = {}
    for number, line in enumerate(lines, 1):
        try:
            result = Result(**json.loads(line))
        except (TypeError, ValueError) as error:
            raise CommandError(f"{path}:{number}: no result of a run: {error}") from error
        results[result.variant, result.seed, result.settings] = result
    return list(results.values())
