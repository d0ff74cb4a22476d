"""The report people read: one page with its pictures, charts and sorting inside."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from pixelrefer_ros.replay.charts import bar_chart, histogram, stage_chart
from pixelrefer_ros.replay.output_folder import OutputFolder
from pixelrefer_ros.replay.queries import ReplayQuery
from pixelrefer_ros.replay.results import Result, Timing
from pixelrefer_ros.report import noise_notice, printable
from pixelrefer_ros.streams.stamps import format_seconds

COLUMNS = ("Frame", "Query", "Question", "Answer", "Reference", "Score", "Time")


def write_report(
    folder: OutputFolder,
    run: Mapping[str, Any],
    metrics: Mapping[str, Any],
    latency: Mapping[str, Any],
    scores: Mapping[str, Mapping[str, float]],
) -> None:
    """Write `report.html`; `metrics` and `latency` are what the files of that name hold.

    Raises `CommandError` when it cannot be written.
    """
    text = (files("pixelrefer_ros.replay") / "report.html.jinja").read_text(encoding="utf-8")
    page = Environment(autoescape=True, undefined=StrictUndefined).from_string(text)
    model_id = next((result.model_id for _, result, _ in folder.in_order if result.model_id), "")
    folder.write(
        "report.html",
        page.render(
            bag=Path(run["bag"]).name,
            model=model_id or run["model"],
            mode=run["mode"],
            notices=_notices(model_id, metrics),
            tiles=_tiles(metrics, latency),
            charts=_charts(folder, metrics, latency),
            columns=COLUMNS,
            rows=[
                _row(query, result, timing, scores.get(query.id, {}), folder.picture(query.id))
                for query, result, timing in folder.in_order
            ],
        ),
    )


def _notices(model_id: str, metrics: Mapping[str, Any]) -> list[str]:
    broken = [
        f"{count} messages of {topic} cannot be read and were left out."
        for topic, count in metrics["broken_messages"].items()
    ]
    left_out = [f"{name} is left out: {why}" for name, why in metrics["left_out"].items()]
    return [*filter(None, [noise_notice(model_id)]), *broken, *left_out]


def _tiles(metrics: Mapping[str, Any], latency: Mapping[str, Any]) -> list[tuple[str, str]]:
    tiles = [("answered", f"{metrics['answered']} of {metrics['queries']}")]
    tiles += [(error, str(count)) for error, count in metrics["errors"].items()]
    tiles += [
        (f"{name} ({found['n']})", f"{found['value']:.3f}")
        for name, found in metrics["metrics"].items()
    ]
    for name, key in (("latency", "latency_s"), ("age of the frame", "age_s")):
        if spread := latency[key]:
            tiles += [(f"{name}, {q}", _milliseconds(spread[q])) for q in ("p50", "p95")]
    for name in ("published", "received", "dropped"):
        if name in latency:
            tiles.append((f"frames {name}", str(latency[name])))
    return tiles


def _charts(
    folder: OutputFolder, metrics: Mapping[str, Any], latency: Mapping[str, Any]
) -> list[tuple[str, Any]]:
    charts: list[tuple[str, Any]] = []
    if metrics["metrics"]:
        values = {name: found["value"] for name, found in metrics["metrics"].items()}
        charts.append(("Scores", bar_chart(values, "Scores by metric")))
    times = [timing for _, result, timing in folder.in_order if not result.error]
    if times:
        latencies = [timing.latency_s for timing in times]
        charts.append(("Latency of the queries", histogram(latencies, "Queries by latency")))
    stages = {name: spread["mean"] for name, spread in latency["stages_s"].items() if spread}
    if stages:
        charts.append(("Where the time goes, mean", stage_chart(stages, "Mean time by stage")))
    ages = [timing.age_s for timing in times if timing.age_s is not None]
    if ages:
        charts.append(("Age of the frame at the answer", histogram(ages, "Queries by age")))
    return charts


def _row(
    query: ReplayQuery,
    result: Result,
    timing: Timing,
    scores: Mapping[str, float],
    picture: Path,
) -> dict[str, Any]:
    expected = _expected(query)
    several = len(result.answers) > 1
    ages = [] if timing.age_s is None else [f"frame {_milliseconds(timing.age_s)} old"]
    return {
        "id": query.id,
        "where": _where(result),
        "picture": _data_uri(picture),
        "question": query.prompt or "(describe in detail)",
        "answers": [
            {
                "of": ", ".join(words.objects) if several else "",
                "text": printable(words.text),
                "note": f"{words.confidence:.2f}{', cut off' if words.truncated else ''}",
            }
            for words in result.answers
        ],
        "said": result.error or " ".join(words.text for words in result.answers),
        "error": result.error,
        "error_msg": result.error_msg,
        "expected": expected,
        "reference": " ".join(text for _, text in expected),
        "scores": [(name, f"{value:.3f}") for name, value in scores.items()],
        "mean_score": f"{sum(scores.values()) / len(scores):.4f}" if scores else "",
        "latency": _milliseconds(timing.latency_s),
        "latency_s": f"{timing.latency_s:.4f}",
        "times": [f"{name} {_milliseconds(s)}" for name, s in timing.stages_s.items()] + ages,
    }


def _where(result: Result) -> str:
    frames = len(result.frames_ns)
    several = f", {frames} frames" if frames > 1 else ""
    away = f", {result.distance_s:.3f} s from the time asked about" if result.distance_s else ""
    return f"{result.topic} at {format_seconds(result.stamp_ns)}{several}{away}"


def _expected(query: ReplayQuery) -> list[tuple[str, str]]:
    fields: Sequence[tuple[str, str | Sequence[str]]] = (
        ("category", query.category),
        ("answer", query.answer),
        ("of", ", ".join(query.choices)),
        ("reference", " / ".join(query.references)),
        ("true", ", ".join(query.positive)),
        ("untrue", ", ".join(query.negative)),
    )
    return [(name, str(text)) for name, text in fields if text]


def _data_uri(picture: Path) -> str:
    if not picture.exists():
        return ""
    return "data:image/jpeg;base64," + base64.b64encode(picture.read_bytes()).decode()


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 10.0 else f"{seconds:.1f} s"
