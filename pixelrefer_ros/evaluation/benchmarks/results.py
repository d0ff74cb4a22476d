"""Answers on disk, one a line, so that a run that was stopped goes on.

A line is a JSON object with the fields of `evaluation.metrics.Scored` and `task`: the form that
`pixelrefer score` reads.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.evaluation.benchmarks.question import Question
from pixelrefer_ros.evaluation.metrics import Scored


class Results:
    """The predictions in a file. Use as a context manager.

    While answers come they are put to the end of the file; when all are there it is written anew
    in the order of the questions, so that it does not tell in which order they came.
    """

    def __init__(self, path: Path) -> None:
        """Read what is there; an unfinished last line is dropped. Raises `CommandError`."""
        self._path = path
        self.predictions: dict[str, str] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            text = path.read_text(encoding="utf-8") if path.exists() else ""
            whole = text[: text.rfind("\n") + 1]
            # splitlines() would split within texts that hold U+2028.
            for number, line in enumerate(whole.split("\n")[:-1], 1):
                self._keep(line, number)
            self._file = path.open("r+" if path.exists() else "w", encoding="utf-8")
            self._file.truncate(len(whole.encode()))
            self._file.seek(0, os.SEEK_END)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error

    def _keep(self, line: str, number: int) -> None:
        try:
            values = json.loads(line)
            self.predictions[str(values["id"])] = str(values["prediction"])
        except (ValueError, TypeError, KeyError) as error:
            raise CommandError(
                f"{self._path}:{number}: no answer of a benchmark; give another --out"
            ) from error

    def add(self, question: Question, prediction: str) -> None:
        """Write an answer."""
        self.predictions[question.id] = prediction
        self._file.write(_line(question, prediction))
        self._file.flush()

    def finish(self, questions: Sequence[Question]) -> None:
        """Write the file anew, in the order of the questions."""
        answered = [question for question in questions if question.id in self.predictions]
        lines = [_line(question, self.predictions[question.id]) for question in answered]
        part = self._path.with_name(f"{self._path.name}.part")
        part.write_text("".join(lines), encoding="utf-8")
        part.replace(self._path)

    def scored(self, questions: Sequence[Question]) -> list[Scored]:
        """Return the answered ones of the questions with their predictions."""
        return [
            replace(question.expected, prediction=self.predictions[question.id])
            for question in questions
            if question.id in self.predictions
        ]

    def __enter__(self) -> Results:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()


def claim_folder(folder: Path, run: Mapping[str, Any]) -> None:
    """Mark a folder as holding the answers of a run, or see that it does.

    run: all that decides about the answers. Raises `CommandError` for those of another run.
    """
    path = folder / "run.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists():
            there = json.loads(path.read_text(encoding="utf-8"))
            differing = [name for name in run if there.get(name) != run[name]]
            if differing:
                raise CommandError(
                    f"--out {folder}: holds answers of another run, which differs in "
                    f"{', '.join(differing)}; give another --out"
                )
        else:
            path.write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"--out {folder}: {error.strerror}") from error
    except (ValueError, AttributeError) as error:
        raise CommandError(f"{path}: not readable: {error}") from error


def _line(question: Question, prediction: str) -> str:
    values = asdict(replace(question.expected, prediction=prediction))
    given = {name: value for name, value in values.items() if value or name == "prediction"}
    if question.task:
        given["task"] = question.task
    return json.dumps(given, ensure_ascii=False) + "\n"
