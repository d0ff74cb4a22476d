"""`pixelrefer replay`: ask the queries of a file about a bag, score the answers, report."""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixelrefer_ros.commands.argument_types import positive_count, positive_number
from pixelrefer_ros.commands.finding_arguments import (
    add_propagator_argument,
    add_sam2_argument,
    add_segmenter_argument,
)
from pixelrefer_ros.commands.model_arguments import add_length_argument, add_model_arguments
from pixelrefer_ros.commands.progress import progress_bar
from pixelrefer_ros.commands.ros_environment import prepare_ros
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.evaluation.metrics.scoring import JUDGED, METRICS
from pixelrefer_ros.resources import find_model

if TYPE_CHECKING:
    from pixelrefer_ros.replay.recording import Recording
    from pixelrefer_ros.replay.run import Ask
    from pixelrefer_ros.streams.bag_reader import BagReader

UNJUDGED = tuple(name for name in METRICS if name not in JUDGED)
"""Metrics that need nobody but this computer; `pixelrefer score` asks a judge."""

DESCRIPTION = """\
Ask a model about regions on the frames of a bag, compare its answers with the right ones where
these are known, and write results.jsonl, metrics.json, scored.jsonl, timings.jsonl, latency.json,
pictures/ and report.html, which shows it all.

Without --ros the frames are read from the bag: two runs write the same results.jsonl and
metrics.json. With --ros the bag is played through DDS into a node, with /clock, and the questions
are asked while it plays: latency, lost frames and the age of a frame when its answer comes are
those a robot would see. A run that was ended goes on where it was.
"""

QUERIES = f"""\
examples:
  pixelrefer replay demo/table_top --queries demo/queries.yaml --out out/replay
  pixelrefer replay recording --queries queries.yaml --out out/live --ros --rate 0.5

queries (docs/replay.md tells all; `pixelrefer annotate` writes a file to start from):
  queries:
  - id: cup
    topic: /camera/image_raw    # default: the first image topic with colours
    stamp: 2.5                  # seconds from the topic's first frame; or stamp_ns
    regions:                    # each a box, a polygon, a mask (PNG) or an rle
    - box: [120, 80, 64, 48]
    prompt: What is <region>?
    category: cup               # any of references, category, choices with answer,
                                # positive, negative
{textwrap.fill("metrics: " + ", ".join(UNJUDGED), 100)}
"""

RATE = 1.0


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "replay",
        help="ask queries about a bag, score the answers, write a report",
        usage="%(prog)s BAG --queries FILE --out DIR [--ros [--rate R]] [OPTION ...]",
        description=DESCRIPTION,
        epilog=QUERIES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("bag", metavar="BAG", help="rosbag2 folder, .mcap or .db3 file")
    parser.add_argument("--queries", metavar="FILE", type=Path, required=True, help="YAML or JSON")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="where to write")
    parser.add_argument(
        "--metrics",
        metavar="M,...",
        type=_metrics,
        help="what to score; default: all for which the queries have what is needed",
    )
    add_segmenter_argument(parser)
    add_propagator_argument(parser)
    add_sam2_argument(parser)
    add_model_arguments(parser)
    add_length_argument(parser)
    parser.add_argument(
        "--workers",
        metavar="N",
        type=positive_count,
        help="processes that answer, each with the model; default 1, not with --ros",
    )
    parser.add_argument("--ros", action="store_true", help="play the bag into a node and ask it")
    parser.add_argument(
        "--rate",
        metavar="R",
        type=positive_number,
        help="with --ros: 1, the default, is as recorded, 2 twice as fast",
    )
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Ask, score, write, and print the summary."""
    if arguments.ros and arguments.workers is not None:
        raise CommandError("--workers does not go with --ros: there is one node")
    if arguments.rate is not None and not arguments.ros:
        raise CommandError("--rate goes with --ros only")
    if arguments.ros:
        prepare_ros()
    model = find_model(arguments.model)
    from pixelrefer_ros.replay.queries import read_queries
    from pixelrefer_ros.replay.recording import Recording
    from pixelrefer_ros.replay.run import replay

    queries = read_queries(arguments.queries)
    recording = Recording.open(arguments.bag, queries)
    ask, counts = (_through_ros if arguments.ros else _offline)(arguments, model, recording)
    with progress_bar("replay") as progress:
        folder, metrics, latency = replay(
            recording,
            queries,
            ask,
            out=arguments.out,
            run=_describe_run(arguments, model, recording.bag),
            metrics=arguments.metrics,
            counts=counts,
            progress=progress,
        )
    _print_summary(folder.path, metrics, latency)
    return 0


def _offline(arguments: argparse.Namespace, model: str, recording: Recording) -> tuple[Ask, Any]:
    from pixelrefer_ros.replay.asking import AskingSettings
    from pixelrefer_ros.replay.offline import ask_all

    settings = AskingSettings(
        model,
        arguments.device,
        arguments.dtype,
        arguments.quantization,
        arguments.max_new_tokens,
        arguments.segmenter,
        arguments.propagator,
        arguments.sam2_path,
    )
    return (
        lambda queries: ask_all(recording, queries, settings, workers=arguments.workers or 1),
        dict,
    )


def _through_ros(
    arguments: argparse.Namespace, model: str, recording: Recording
) -> tuple[Ask, Any]:
    from pixelrefer_ros.live_replay.run import LiveReplay

    live = LiveReplay(
        recording,
        arguments.out,
        {
            "model.path": model,
            "model.device": arguments.device,
            "model.dtype": arguments.dtype,
            "model.quantization": arguments.quantization,
            "request.max_new_tokens": arguments.max_new_tokens,
            "regions.segmenter": arguments.segmenter,
            "regions.propagator": arguments.propagator,
            "regions.sam2_path": arguments.sam2_path,
        },
        rate=arguments.rate or RATE,
    )
    return live.ask_all, lambda: live.counts


def _describe_run(arguments: argparse.Namespace, model: str, bag: BagReader) -> dict[str, Any]:
    """Return what must be alike for answers to be comparable.

    Files that were written anew count as others: weights that were trained on, a replaced bag.
    """
    weights = sorted(Path(model).glob("*.safetensors"))
    names = (
        "device",
        "dtype",
        "quantization",
        "max_new_tokens",
        "segmenter",
        "propagator",
        "sam2_path",
    )
    return {
        "bag": str(bag.path.resolve()),
        **{f"bag/{file.name}": _describe_file(file) for file in bag.files()},
        "model": str(Path(model).resolve()) if weights else model,
        "weights_changed_ns": max((file.stat().st_mtime_ns for file in weights), default=0),
        "mode": f"--ros --rate {arguments.rate or RATE:g}" if arguments.ros else "offline",
        **{name: getattr(arguments, name) for name in names},
    }


def _describe_file(file: Path) -> str:
    status = file.stat()
    return f"{status.st_size} bytes changed at {status.st_mtime_ns} ns"


def _print_summary(out: Path, metrics: dict[str, Any], latency: dict[str, Any]) -> None:
    from rich.table import Table

    from pixelrefer_ros.report import make_console

    table = Table(show_header=False)
    table.add_row("answered", f"{metrics['answered']} of {metrics['queries']}")
    for error, count in metrics["errors"].items():
        table.add_row(error, str(count))
    for topic, count in metrics["broken_messages"].items():
        table.add_row("broken messages, left out", f"{count} of {topic}")
    for name, found in metrics["metrics"].items():
        table.add_row(name, f"{found['value']:.3f} of {found['n']}")
    for name, key in (("latency", "latency_s"), ("age of the frame", "age_s")):
        if spread := latency[key]:
            text = f"{1000 * spread['p50']:.0f} ms, 95 % within {1000 * spread['p95']:.0f} ms"
            table.add_row(f"{name}, median", text)
    for name in ("published", "received", "dropped"):
        if name in latency:
            table.add_row(f"frames {name}", str(latency[name]))
    console = make_console()
    console.print(table)
    for name, why in metrics["left_out"].items():
        console.print(f"{name} is left out: {why}", markup=False)
    console.print(f"{out / 'report.html'} written.", markup=False)


def _metrics(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in UNJUDGED:
            raise argparse.ArgumentTypeError(f"'{name}' is none of {', '.join(UNJUDGED)}")
    return names
