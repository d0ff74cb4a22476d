"""How often a model is right on a simulated data set."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pixelrefer_ros.datasets.records import DataFile, Record, read_records
from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.engine.weight_quantization import weight_types
from pixelrefer_ros.errors import DatasetError, PixelReferError
from pixelrefer_ros.evaluation.asking import ask
from pixelrefer_ros.evaluation.items import Item
from pixelrefer_ros.evaluation.judging import TASKS, Judge
from pixelrefer_ros.evaluation.scores import Evaluation

logger = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""Called with how many questions are done, and how many there are."""


def evaluate(
    describer: Describer,
    data: Path,
    *,
    limit: int | None = None,
    tasks: Sequence[str] = TASKS,
    progress: Progress | None = None,
) -> Evaluation:
    """Ask the questions of a data set and judge the answers.

    data: folder that `pixelrefer simulate` wrote.
    limit: at most so many questions of each task, from all over the data set, always the same.
    tasks: some of `TASKS` and `FURTHER_TASKS`.
    A record of no use is named in the log, counted and left out. Raises `DatasetError` if all are,
    or none is of these tasks, and what the describer raises when the model fails.
    """
    started = time.monotonic()
    model = describer.model
    evaluation = Evaluation(model.model_id, weight_types(model), str(data), tasks)

    def leave_out(record: Record, reason: PixelReferError) -> None:
        logger.warning("left out %s: %s", record.name, reason)
        evaluation.left_out += 1

    items: list[Item] = []
    files = [DataFile(str(data / "annotations.json"), tasks=tuple(tasks))]
    for record in read_records(files).records:
        try:
            items.append(Item.of_record(record))
        except DatasetError as error:
            leave_out(record, error)
    judges = {task: Judge(task, _answers(items, task)) for task in tasks}
    drawn = _draw(items, tasks, limit)
    for done, (item, answer) in enumerate(ask(describer, drawn), 1):
        if isinstance(answer, PixelReferError):
            leave_out(item.record, answer)
        else:
            evaluation.add(item, judges[item.task].judge(answer.text, item.accepted))
        if progress is not None:
            progress(done, len(drawn))
    if not evaluation.regions:
        raise DatasetError(f"{data}: none of {evaluation.left_out} questions can be asked")
    evaluation.seconds = time.monotonic() - started
    return evaluation


def _answers(items: Sequence[Item], task: str) -> list[tuple[str, ...]]:
    return list(dict.fromkeys(item.accepted for item in items if item.task == task))


def _draw(items: Sequence[Item], tasks: Sequence[str], limit: int | None) -> list[Item]:
    """Draw at most `limit` items of each task, in the order of the data set.

    By lot: questions for yes or no, and relations, come in pairs with opposite answers, of which
    even steps could find one kind only.
    """
    lots = random.Random(0)
    drawn: list[int] = []
    for task in tasks:
        numbers = [number for number, item in enumerate(items) if item.task == task]
        drawn += numbers if limit is None else lots.sample(numbers, min(limit, len(numbers)))
    return [items[number] for number in sorted(drawn)]
