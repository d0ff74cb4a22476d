"""Train a variant, ask it about held-out scenes, and keep what came out.

Results are lines of JSON in one file. A line for the same variant, seed and settings replaces
those before it, so several processes can write. A killed one loses only the run it was at: a line
that was cut off does not count.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pixelrefer_ros.datasets.records import DataFile, read_records
from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.errors import CommandError, DatasetError
from pixelrefer_ros.evaluation.accuracy import evaluate
from pixelrefer_ros.evaluation.items import Item
from pixelrefer_ros.evaluation.judging import TASKS
from pixelrefer_ros.training.ablations import ablate
from pixelrefer_ros.training.configuration import TrainingConfig
from pixelrefer_ros.training.feature_memory import FeatureMemory
from pixelrefer_ros.training.objective_choice import MEGABYTE
from pixelrefer_ros.training.trainer import Trainer
from pixelrefer_ros.training.variants import VARIANTS

logger = logging.getLogger(__name__)

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

    @cached_property
    def memory(self) -> FeatureMemory | None:
        """What the vision encoder makes of views: alike for all variants, where it is frozen."""
        megabytes = self.config.feature_memory
        return FeatureMemory(megabytes * MEGABYTE) if megabytes else None

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
        if config["start"]["scratch"] is not None:
            del config["start"]["scratch"]["region_tokens"]
        values = [config, str(self.data.expanduser().resolve()), self.limit]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]

    def check_data(self) -> None:
        """Raise `CommandError` or `DatasetError` if a trained variant could be asked nothing."""
        files = [DataFile(str(self.data / "annotations.json"), tasks=tuple(self.tasks))]
        for record in read_records(files).records:
            with suppress(DatasetError):
                Item.of_record(record)
                return
        raise DatasetError(f"{self.data}: none of its questions can be asked")

    def results(self, out: Path) -> list[Result]:
        """Read what a folder holds already, as `read_results` does.

        Raises `CommandError` also if it holds what cannot be compared with these runs.
        """
        results = read_results(out)
        if any(result.settings != self.settings for result in results):
            raise CommandError(
                f"{out / RESULTS_FILE}: holds results of another configuration, --data or --limit, "
                "which cannot be compared; choose another --out, or remove the file"
            )
        return results

    def run(self, variant: str, seed: int, out: Path) -> Result:
        """Train a variant, with its log in `<out>/<variant>-<seed>`, and ask it.

        Raises what training and evaluation raise.
        """
        began = time.monotonic()
        config = replace(self.config, seed=seed, output=str(out / f"{variant}-{seed}"))
        trainer = Trainer(
            config,
            resume=False,
            change=lambda model: ablate(model, VARIANTS[variant]),
            memory=self.memory,
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
    """Write a line more into the results of a folder. Raises `CommandError` if that fails."""
    _append(out, json.dumps(asdict(result), ensure_ascii=False) + "\n")


def check_writable(out: Path) -> None:
    """Make a folder ready for results. Raises `CommandError` if none can be written there."""
    _append(out, "")


def read_results(out: Path) -> list[Result]:
    """Read the results of a folder, each of a variant, seed and settings once: the latest.

    A line that was cut off is named in the log and left out. Raises `CommandError` naming a line
    that lacks what the tables need, or the file if it cannot be read.
    """
    path = out / RESULTS_FILE
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CommandError(f"{path}: not readable: {error}") from error
    results: dict[tuple[str, int, str], Result] = {}
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            values = json.loads(line)
        except ValueError:
            logger.warning("%s:%d: left out, the line was cut off", path, number)
            continue
        try:
            result = Result(**values)
            _check_evaluation(result.evaluation)
            results[result.variant, result.seed, result.settings] = result
        except (TypeError, ValueError) as error:
            raise CommandError(f"{path}:{number}: no result of a run: {error}") from error
    return list(results.values())


def _append(out: Path, text: str) -> None:
    """Write at the end of the results of a folder, below a line that was cut off."""
    path = out / RESULTS_FILE
    try:
        out.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                text = text if file.read(1) == b"\n" else "\n" + text
            file.write(text.encode())
    except OSError as error:
        raise CommandError(f"{path}: cannot be written: {error}") from error


def _check_evaluation(evaluation: Any) -> None:
    """Raise `ValueError` naming what the tables need and do not find."""
    small_regions = evaluation.get("small_regions") if isinstance(evaluation, dict) else None
    if not isinstance(small_regions, dict):
        raise ValueError("evaluation.small_regions is missing")
    tasks = [task for task in TASKS if task in evaluation]
    if not tasks:
        raise ValueError(f"evaluation: no tasks among {', '.join(TASKS)}")
    for name, shares in (("evaluation", evaluation), ("small_regions", small_regions)):
        for task in tasks:
            if not _is_share(shares.get(task)):
                raise ValueError(f"{name}.{task} is {shares.get(task)!r}, must hold accuracy and n")


def _is_share(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("n"), int)
        and isinstance(value.get("accuracy", ""), int | float | None)
    )
