"""The folder a run writes to: every answer at once, so that a run can be killed and go on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.replay.queries import ReplayQuery
from pixelrefer_ros.replay.results import Outcome, Result, Timing

Kind = TypeVar("Kind")

RUN, RESULTS, TIMINGS, PICTURES = "run.json", "results.jsonl", "timings.jsonl", "pictures"


class OutputFolder:
    """Holds the outcomes of a run.

    `results` and `timings` are by id, those of an earlier run included that asked the same of the
    same model. Raises `CommandError` in one line when something cannot be written, which leaves
    what was written before in place, or when the folder holds another run.
    """

    def __init__(self, path: Path, run: Mapping[str, Any], queries: Sequence[ReplayQuery]) -> None:
        self.path = path
        self.results: dict[str, Result] = {}
        self.timings: dict[str, Timing] = {}
        self._queries = queries
        with self._writing():
            (path / PICTURES).mkdir(parents=True, exist_ok=True)
            self._check_run(run)
            self._load()
            self.write(RUN, json.dumps(run, indent=2) + "\n")
            self._write_all()

    @property
    def missing(self) -> list[ReplayQuery]:
        """The queries that are still to be asked, in their order."""
        return [query for query in self._queries if query.id not in self.results]

    @property
    def in_order(self) -> list[tuple[ReplayQuery, Result, Timing]]:
        """All that is there, in the order of the queries."""
        return [
            (query, self.results[query.id], self.timings[query.id])
            for query in self._queries
            if query.id in self.results
        ]

    def add(self, outcome: Outcome) -> None:
        """Write what came of one query; its result last, which makes it count."""
        result, timing = outcome.result, outcome.timing
        if outcome.picture is None:
            with self._writing():
                self.picture(result.id).unlink(missing_ok=True)
        else:
            self.add_picture(result.id, outcome.picture)
        with self._writing():
            self._append(TIMINGS, timing.to_dict())
            self._append(RESULTS, result.to_dict())
        self.results[result.id] = result
        self.timings[result.id] = timing

    def add_picture(self, query_id: str, picture: bytes) -> None:
        """Write the picture of a query, a JPEG."""
        self._replace(self.picture(query_id), picture)

    def finish(self, scores: Mapping[str, Mapping[str, float]]) -> None:
        """Write results, with what each scored by metric, and timings in the order of queries."""
        with self._writing():
            self._write_all(scores)

    def picture(self, query_id: str) -> Path:
        """Return where the picture of a query is, if there is one."""
        return self.path / PICTURES / f"{query_id}.jpg"

    def write(self, name: str, text: str) -> None:
        """Write a text file."""
        self._replace(self.path / name, text.encode())

    def _replace(self, path: Path, content: bytes) -> None:
        """Write a file so that it is there whole, or as it was before."""
        with self._writing():
            part = path.with_name(f"{path.name}.part")
            try:
                part.write_bytes(content)
                os.replace(part, path)
            finally:
                part.unlink(missing_ok=True)

    def _check_run(self, run: Mapping[str, Any]) -> None:
        try:
            before = json.loads((self.path / RUN).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return
        for name in (*run, *before):
            if before.get(name) != run.get(name):
                raise CommandError(
                    f"--out '{self.path}' holds another run, with {name} {before.get(name)}, now "
                    f"{run.get(name)}: name another folder, or remove this one"
                )

    def _load(self) -> None:
        timings = {timing.id: timing for timing in self._read(TIMINGS, Timing.from_dict)}
        results = {result.id: result for result in self._read(RESULTS, Result.from_dict)}
        for query in self._queries:
            result, timing = results.get(query.id), timings.get(query.id)
            if result is None or timing is None or result.is_passing:
                continue
            if result.fingerprint == query.fingerprint:
                self.results[query.id] = result
                self.timings[query.id] = timing

    def _read(self, name: str, make: Callable[[Any], Kind]) -> Iterator[Kind]:
        """Yield the lines that are whole: whoever was killed left half a line."""
        path = self.path / name
        if not path.exists():
            return
        # splitlines() would split within texts that hold U+2028.
        for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
            try:
                yield make(json.loads(line))
            except (ValueError, KeyError, TypeError):
                continue

    def _write_all(self, scores: Mapping[str, Mapping[str, float]] | None = None) -> None:
        results = []
        for _, result, _ in self.in_order:
            values = result.to_dict()
            if scores is not None:
                values["scores"] = dict(scores.get(result.id, {}))
            results.append(values)
        self.write(RESULTS, "".join(map(_line, results)))
        self.write(TIMINGS, "".join(_line(timing.to_dict()) for _, _, timing in self.in_order))

    def _append(self, name: str, values: Mapping[str, Any]) -> None:
        with (self.path / name).open("a", encoding="utf-8") as file:
            file.write(_line(values))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            kept = f"; {len(self.results)} of {len(self._queries)} results are kept there, the "
            raise CommandError(
                f"--out '{self.path}' cannot be written: {error.strerror or error}"
                + (f"{kept}same command goes on from there" if self.results else "")
            ) from error


def _line(values: Mapping[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False) + "\n"
