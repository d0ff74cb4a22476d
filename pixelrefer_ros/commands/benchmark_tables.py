"""What `pixelrefer evaluate --benchmark` found, as a table for people, and for a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.report import make_console, noise_notice

Row = tuple[str, str, list[str], int]
"""Task, metric with the question type, values, and of how many answers."""


def print_scores(found: Mapping[str, Any]) -> None:
    """Print the scores, and what could not be computed, to standard output."""
    from rich.table import Table
    from rich.text import Text

    rows, columns = list(_rows(found["scores"])), list(found["scores"])
    table = Table()
    table.add_column("task")
    table.add_column("metric")
    for heading in [*columns, "of"]:
        table.add_column(heading, justify="right", no_wrap=True)
    for task, metric, values, count in rows:
        table.add_row(task, metric, *values, str(count))
    console = make_console()
    if rows:
        console.print(table)
    console.print(
        f"{found['model']} on {found['benchmark']}: {found['questions']} questions"
        + (f", {found['left_out']} left out" if found["left_out"] else "")
        + f"; answers in {found['results']}",
        markup=False,
    )
    for name, reason in _missing(found["scores"]).items():
        console.print(Text(f"{name}: {reason}"))
    if notice := noise_notice(found["model"]):
        console.print(Text(notice, style="yellow"))


def markdown(found: Mapping[str, Any]) -> str:
    """Write the scores as a table in Markdown."""
    columns = list(found["scores"])
    lines = [
        f"| task | metric | {' | '.join(columns)} | of |",
        f"|---|---|{'---:|' * (len(columns) + 1)}",
    ]
    for task, metric, values, count in _rows(found["scores"]):
        lines.append(f"| {task} | {metric} | {' | '.join(values)} | {count} |")
    missing = _missing(found["scores"])
    lines += [""] * bool(missing) + [f"Not computed: {', '.join(missing)}."] * bool(missing)
    return "\n".join(lines) + "\n"


def put_on_page(page: Path, name: str, table: str) -> None:
    """Put a table between `<!-- NAME -->` and `<!-- /NAME -->`. Raises `CommandError`."""
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    try:
        text = page.read_text(encoding="utf-8")
        if begin not in text or end not in text.partition(begin)[2]:
            raise CommandError(f"--page {page}: has no line {begin.strip()} and {end} below it")
        before, _, rest = text.partition(begin)
        after = rest.partition(end)[2]
        page.write_text(f"{before}{begin}\n{table}\n{end}{after}", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"--page {page}: {error.strerror}") from error


def _rows(scores: Mapping[str, Mapping[str, Any]]) -> Iterator[Row]:
    first = next(iter(scores.values()))
    for task, report in first.items():
        for metric, count in report["counts"].items():
            reports = [column.get(task, {}) for column in scores.values()]
            yield task, metric, [_cell(r.get("values", {}).get(metric)) for r in reports], count
            for kind, found in report["by_type"].get(metric, {}).items():
                values = [
                    _cell(r.get("by_type", {}).get(metric, {}).get(kind, {}).get("value"))
                    for r in reports
                ]
                yield "", f"- {kind}", values, found["n"]


def _missing(scores: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the metrics that were not computed, and why."""
    return {
        metric: reason
        for report in next(iter(scores.values())).values()
        for metric, reason in report["left_out"].items()
    }


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
