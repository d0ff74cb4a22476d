"""`pixelrefer score`: what answers in a file score in the metrics of the field."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from pixelrefer_ros.commands.progress import progress_bar
from pixelrefer_ros.errors import CommandError

if TYPE_CHECKING:
    from pixelrefer_ros.evaluation.metrics import MetricReport, Scored
    from pixelrefer_ros.evaluation.metrics.judged.judge_model import JudgeModel

KEY_VARIABLE = "PIXELREFER_JUDGE_KEY"

DESCRIPTION = f"""\
Score answers in the metrics of the field. A line of the file is a JSON object with id and
prediction, and any of references, category, choices and answer, question_type, positive, negative
and question; other fields are ignored. docs/metrics.md defines the metrics and what each needs.

Some metrics ask a language model, through any server that speaks OpenAI's chat completions. They
are computed when --metrics names them. Replies are kept, so that nothing is asked twice; the key
is read from the environment variable {KEY_VARIABLE}.
"""

EXAMPLES = """\
examples:
  pixelrefer score results.jsonl
  pixelrefer score results.jsonl --metrics ssim,siou --json
  pixelrefer score results.jsonl --metrics clair,dlc_average --dry-run \\
      --judge-url http://127.0.0.1:8000/v1 --judge-model Qwen3-32B
"""


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "score",
        help="score answers in a file in the metrics of the field; needs no ROS",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("results", metavar="RESULTS.jsonl", type=Path, help="one answer a line")
    parser.add_argument(
        "--metrics",
        metavar="NAME,...",
        type=lambda text: tuple(dict.fromkeys(text.split(","))),
        help="separated by commas; default: all that the fields allow and that ask no judge",
    )
    parser.add_argument("--judge-url", metavar="URL", help="of the server, up to /v1")
    parser.add_argument("--judge-model", metavar="NAME", help="as the server names it")
    parser.add_argument(
        "--judge-cache",
        metavar="DIR",
        type=Path,
        help="where replies are kept; default: ~/.cache/pixelrefer/judge",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print what a judge would be sent, and send nothing"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object, not a table")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Score everything, print the values."""
    from pixelrefer_ros.evaluation.metrics import applicable, read_scored, score

    items = read_scored(arguments.results)
    metrics = applicable(items) if arguments.metrics is None else arguments.metrics
    if not metrics:
        raise CommandError(
            f"{arguments.results}: no metric applies; give lines category, references or others "
            "of the fields that docs/metrics.md lists"
        )
    judge = _judge(arguments, metrics)
    if judge and arguments.dry_run:
        _print_questions(judge, items, metrics)
        return 0
    with progress_bar("judge") if judge else nullcontext() as progress:
        if judge:
            judge.progress = progress
        report = score(items, metrics, judge)
    if arguments.json:
        sys.stdout.write(json.dumps(report.to_dict(), indent=2, ensure_ascii=False) + "\n")
    else:
        _print_table(report, metrics, len(items))
    return 0 if report.values else 2


def _judge(arguments: argparse.Namespace, metrics: Sequence[str]) -> JudgeModel | None:
    """Return the judge, if one is named. Raises `CommandError` for options that do not fit."""
    from pixelrefer_ros.evaluation.metrics import JUDGED
    from pixelrefer_ros.evaluation.metrics.judged.endpoint import Endpoint
    from pixelrefer_ros.evaluation.metrics.judged.judge_model import JudgeModel
    from pixelrefer_ros.evaluation.metrics.judged.reply_cache import ReplyCache

    url, model, folder = arguments.judge_url, arguments.judge_model, arguments.judge_cache
    if not (url or model or folder or arguments.dry_run):
        return None
    if not {*metrics} & {*JUDGED}:
        raise CommandError(f"no judge is asked: name in --metrics some of {', '.join(JUDGED)}")
    if not (url and model):
        raise CommandError("a judge needs both --judge-url and --judge-model")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    endpoint = Endpoint(url, model, os.environ.get(KEY_VARIABLE, "").strip())
    return JudgeModel(endpoint, ReplyCache(folder or cache / "pixelrefer" / "judge"))


def _print_questions(judge: JudgeModel, items: Sequence[Scored], metrics: Sequence[str]) -> None:
    """Print the body of each request as a line, then how many there are."""
    from pixelrefer_ros.evaluation.metrics import questions

    asked = questions(items, metrics)
    new = [messages for messages in asked if not judge.knows(messages)]
    for messages in new:
        print(json.dumps(judge.body(messages), ensure_ascii=False))
    characters = sum(len(message["content"]) for messages in new for message in messages)
    print(
        f"{len(new)} requests would be sent, {characters} characters; "
        f"{len(asked) - len(new)} replies are known",
        file=sys.stderr,
    )


def _print_table(report: MetricReport, metrics: Sequence[str], count: int) -> None:
    from rich.table import Table
    from rich.text import Text

    from pixelrefer_ros.report import make_console, printable

    table = Table()
    table.add_column("metric")
    for heading in ("value", "of", "failed"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name in metrics:
        if name in report.values:
            failed = str(len(report.failed.get(name, {})) or "")
            table.add_row(name, f"{report.values[name]:.4f}", str(report.counts[name]), failed)
        for kind, found in report.by_type.get(name, {}).items():
            table.add_row(Text(f"  {printable(kind)}"), f"{found.value:.4f}", str(found.n), "")
    console = make_console()
    if report.values:
        console.print(table)
    console.print(f"{count} answers")
    for name, reason in report.left_out.items():
        console.print(Text(f"left out {name}: {printable(reason)}", style="yellow"))
    reasons = {
        (item, reason) for failures in report.failed.values() for item, reason in failures.items()
    }
    for item, reason in sorted(reasons):
        console.print(Text(f"no mark for {printable(item)}: {printable(reason)}", style="yellow"))
