"""One run from the query file to the report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pixelrefer_ros.replay.html_report import write_report
from pixelrefer_ros.replay.output_folder import OutputFolder
from pixelrefer_ros.replay.pictures import draw_pointed_at
from pixelrefer_ros.replay.queries import ReplayQuery
from pixelrefer_ros.replay.recording import Recording
from pixelrefer_ros.replay.results import Outcome
from pixelrefer_ros.replay.scoring import score_answers, to_scored
from pixelrefer_ros.replay.summary import summarize_results, summarize_timings

Ask = Callable[[Sequence[ReplayQuery]], Iterable[Outcome]]
"""Asks some queries and yields what comes of them, in whatever order."""

Progress = Callable[[int, int], None]
"""Called with how many queries are done, and how many there are."""


def replay(
    recording: Recording,
    queries: Sequence[ReplayQuery],
    ask: Ask,
    *,
    out: Path,
    run: Mapping[str, Any],
    metrics: Sequence[str] | None = None,
    counts: Callable[[], Mapping[str, int]] = dict,
    progress: Progress = lambda done, total: None,
) -> tuple[OutputFolder, dict[str, Any], dict[str, Any]]:
    """Ask what is still to be asked, score everything and write the report.

    run: what must be alike for earlier answers in `out` to count, with `bag`, `model`, `mode`.
    metrics: names, None for all that apply. counts: called after asking, for `latency.json`.
    Returns the folder and what `metrics.json` and `latency.json` hold. Raises `CommandError` when
    `out` cannot be written or holds another run, `MetricError` for an unknown metric.
    """
    folder = OutputFolder(out, run, queries)
    progress(len(folder.results), len(queries))
    for outcome in ask(folder.missing):
        folder.add(outcome)
        progress(len(folder.results), len(queries))
    _draw_missing(folder, recording)
    results = [result for _, result, _ in folder.in_order]
    items = to_scored([(query, result) for query, result, _ in folder.in_order])
    found = score_answers(items, metrics)
    scores = {
        query_id: {name: round(value, 4) for name, value in values.items()}
        for query_id, values in found.items.items()
    }
    summary = summarize_results(results, recording.broken, found)
    latency = summarize_timings(results, folder.timings, counts())
    folder.finish(scores)
    lines = (json.dumps(asdict(item), ensure_ascii=False) + "\n" for item in items)
    folder.write("scored.jsonl", "".join(lines))
    folder.write("metrics.json", json.dumps(summary, indent=2, ensure_ascii=False) + "\n")
    folder.write("latency.json", json.dumps(latency, indent=2) + "\n")
    write_report(folder, run, summary, latency, scores)
    return folder, summary, latency


def _draw_missing(folder: OutputFolder, recording: Recording) -> None:
    """Draw what a run through the node did not get to, which draws when all is played.

    The masks that were used are not known any more.
    """
    for query, _, _ in folder.in_order:
        if not folder.picture(query.id).exists():
            picture = draw_pointed_at(recording, query)
            if picture is not None:
                folder.add_picture(query.id, picture)
