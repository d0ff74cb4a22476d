"""Tables of what came out of ablations, written into a page between two marks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.evaluation.judging import TASKS
from pixelrefer_ros.evaluation.scores import SMALL_REGION
from pixelrefer_ros.training.ablation_runs import Result

BEGIN = "<!-- tables of `pixelrefer ablate`: begin -->"
END = "<!-- tables of `pixelrefer ablate`: end -->"
NOTHING = "-"


@dataclass(frozen=True)
class Comparison:
    """One table of the paper: the names of its rows, and the variant behind each."""

    title: str
    rows: tuple[tuple[str, str], ...]


COMPARISONS = (
    Comparison(
        "Number of object tokens (Table 7)",
        (("1", "tokens_1"), ("8", "tokens_8"), ("16", "saot"), ("32", "tokens_32")),
    ),
    Comparison(
        "Object tokenizer (Table 8, Fig. 12)",
        (
            ("mask pooling", "mask_pooling"),
            ("SAOT without context", "no_context"),
            ("SAOT without position", "no_position"),
            ("SAOT", "saot"),
        ),
    ),
    Comparison(
        "Object-centric infusion (Table 9)",
        (
            ("none", "no_infusion"),
            ("local", "no_global"),
            ("global", "no_local"),
            ("local, then global", "saot"),
        ),
    ),
)


def write_tables(results: Sequence[Result], page: Path) -> None:
    """Replace what stands between the marks of a page.

    Raises `CommandError` if there are no results, if they cannot be compared, or if the page has
    no marks, cannot be read or cannot be written.
    """
    try:
        text = page.read_text(encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{page}: {error.strerror}") from error
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise CommandError(f"{page}: must hold the lines {BEGIN} and {END}")
    text = f"{before}{BEGIN}\n\n{make_tables(results)}\n{END}{after}"
    try:
        page.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{page}: cannot be written: {error}") from error


def make_tables(results: Sequence[Result]) -> str:
    """Return all tables in Markdown: mean and standard deviation over the seeds, in percent.

    Raises `CommandError` if there are no results, or if they are of runs of different settings.
    """
    if not results:
        raise CommandError("there are no results of ablations yet")
    if len({(result.settings, *_tasks(result)) for result in results}) > 1:
        raise CommandError(
            "the results are of runs with different settings, which cannot be compared; "
            "keep those of each in a folder of their own"
        )
    first = results[0]
    tasks = _tasks(first)
    lines = [
        f"Right answers in percent, mean ± standard deviation over n seeds, after {first.steps} "
        f"steps. Questions: {_questions(first, tasks, is_small=False)}; about regions below "
        f"{SMALL_REGION} px: {_questions(first, tasks, is_small=True)}.",
    ]
    for comparison in COMPARISONS:
        lines += ["", f"### {comparison.title}", "", *_table(comparison, results, tasks, False)]
        lines += ["", f"Regions below {SMALL_REGION} px:", ""]
        lines += _table(comparison, results, tasks, True)
    return "\n".join(lines) + "\n"


def _table(
    comparison: Comparison, results: Sequence[Result], tasks: Sequence[str], is_small: bool
) -> Iterator[str]:
    yield f"| | n | {' | '.join([*tasks, 'mean'])} |"
    yield "|---|---:|" + "---:|" * (len(tasks) + 1)
    for name, variant in comparison.rows:
        runs = [_accuracies(r, tasks, is_small) for r in results if r.variant == variant]
        columns = [[run[k] for run in runs] for k in range(len(tasks))]
        columns.append([mean(known) for run in runs if (known := _known(run))])
        cells = [name, str(len(runs)), *(_cell(_known(column)) for column in columns)]
        yield f"| {' | '.join(cells)} |"


def _tasks(result: Result) -> list[str]:
    return [task for task in TASKS if task in result.evaluation]


def _accuracies(result: Result, tasks: Sequence[str], is_small: bool) -> list[float | None]:
    evaluation = result.evaluation["small_regions"] if is_small else result.evaluation
    return [evaluation[task]["accuracy"] for task in tasks]


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _cell(shares: Sequence[float]) -> str:
    if not shares:
        return NOTHING
    spread = f" ± {100 * stdev(shares):.1f}" if len(shares) > 1 else ""
    return f"{100 * mean(shares):.1f}{spread}"


def _questions(result: Result, tasks: Sequence[str], *, is_small: bool) -> str:
    evaluation = result.evaluation["small_regions"] if is_small else result.evaluation
    return ", ".join(f"{task} {evaluation[task]['n']}" for task in tasks)
