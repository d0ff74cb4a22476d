"""`pixelrefer evaluate --benchmark`: ask a model the questions of a benchmark."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixelrefer_ros.commands.argument_types import positive_count
from pixelrefer_ros.commands.progress import progress_bar
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.resources import find_model

if TYPE_CHECKING:
    from pixelrefer_ros.evaluation.benchmarks.answering import ModelChoice
    from pixelrefer_ros.evaluation.benchmarks.running import Answerer, Scores

NAMES = (
    "lvis", "paco", "vg", "ref-l4", "ref-l4-clair", "dlc-bench", "ferret-bench",
    "videorefer-bench-d", "videorefer-bench-q", "hc-stvg", "tablerefer",
)  # fmt: skip
OWN = "tablerefer"
"""The one that is rendered here."""

ENGINES = ("single", "ray")
WORKERS = 2

OPTIONS = ("annotations", "images", "out", "engine", "workers", "page")
"""Those that go with --benchmark only; none has a value unless it is given."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of benchmarks."""
    group = parser.add_argument_group("benchmarks")
    group.add_argument(
        "--benchmark", metavar="NAME", choices=NAMES, help=f"in place of --data: {', '.join(NAMES)}"
    )
    group.add_argument(
        "--annotations", metavar="FILE", type=Path, help="as published: docs/benchmarks.md"
    )
    group.add_argument(
        "--images",
        metavar="DIR",
        type=Path,
        help=f"folder of pictures and videos; {OWN} is rendered there, default data/{OWN}",
    )
    group.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        help="folder of results.jsonl; a run that was stopped goes on there; default out/NAME",
    )
    group.add_argument(
        "--engine",
        choices=ENGINES,
        help="single (default), or ray: many processes, on one machine or several",
    )
    group.add_argument(
        "--workers",
        metavar="N",
        type=positive_count,
        help=f"processes of --engine ray, and those that render {OWN}; default {WORKERS}",
    )
    group.add_argument(
        "--page", metavar="FILE", type=Path, help="put the table between its marks in this page"
    )


def run(arguments: argparse.Namespace) -> int:
    """Ask, count, print."""
    from pixelrefer_ros.commands.benchmark_tables import markdown, print_scores, put_on_page
    from pixelrefer_ros.engine.file_digest import sha256
    from pixelrefer_ros.evaluation.benchmarks.answering import ModelChoice
    from pixelrefer_ros.evaluation.benchmarks.benchmark import read_benchmark
    from pixelrefer_ros.evaluation.benchmarks.catalogue import BENCHMARKS
    from pixelrefer_ros.evaluation.benchmarks.results import claim_folder

    if arguments.workers is not None and arguments.engine != "ray" and arguments.benchmark != OWN:
        raise CommandError(f"--workers goes with --engine ray, and with the rendering of {OWN}")
    benchmark = BENCHMARKS[arguments.benchmark]
    annotations, images = _data(arguments)
    images = images.absolute()  # processes of Ray have a working directory of their own
    model = ModelChoice(
        _find_model(arguments.model), arguments.device, arguments.dtype, arguments.quantization
    )
    model_id, is_lite, weights = model.identify()
    reading = read_benchmark(benchmark, annotations, images, is_lite=is_lite, limit=arguments.limit)
    out = arguments.out or Path("out") / benchmark.name
    claim_folder(
        out,
        {
            "benchmark": benchmark.name,
            "annotations": str(annotations.resolve()),
            **{f"SHA-256 of {file.name}": sha256(file) for file in benchmark.files(annotations)},
            "images": str(images.resolve()),
            "limit": arguments.limit,
            "model": model_id,
            "weights": weights,
            "dtype": arguments.dtype,
            "quantization": arguments.quantization,
        },
    )
    found = {
        "benchmark": benchmark.name,
        "model": model_id,
        "annotations": str(annotations),
        "results": str(out / "results.jsonl"),
        "questions": len(reading.questions),
    }
    columns = _columns(arguments, model, reading.questions, out)
    found["left_out"] = reading.left_out + columns["model"].left_out
    found["scores"] = {name: scores.to_dict() for name, scores in columns.items()}
    if arguments.page is not None:
        put_on_page(arguments.page, benchmark.name, markdown(found))
    if arguments.json:
        sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    else:
        print_scores(found)
    return 0


def _find_model(name: str) -> str:
    """Return a model as `find_model` does, a folder by its absolute path."""
    found = find_model(name)
    return str(Path(found).absolute()) if Path(found).is_dir() else found


def _columns(
    arguments: argparse.Namespace, model: ModelChoice, questions: list[Any], out: Path
) -> dict[str, Scores]:
    """Score the model and, on the benchmark of the simulator, who does not see."""
    from pixelrefer_ros.evaluation.benchmarks import running
    from pixelrefer_ros.evaluation.benchmarks.blind import most_frequent
    from pixelrefer_ros.evaluation.benchmarks.catalogue import BENCHMARKS

    benchmark = BENCHMARKS[arguments.benchmark]
    with _answerer(arguments, model) as answer, progress_bar(benchmark.name) as progress:
        ask = partial(running.run, benchmark, questions, answer, progress=progress)
        columns = {"model": ask(out / "results.jsonl")}
        if benchmark.name == OWN:
            columns["without picture"] = ask(out / "without_picture.jsonl", blind=True)
            guesses = most_frequent(questions)
            columns["most frequent"] = running.count_guesses(benchmark, questions, guesses)
    return columns


@contextmanager
def _answerer(arguments: argparse.Namespace, model: ModelChoice) -> Iterator[Answerer]:
    from pixelrefer_ros.evaluation.benchmarks.answering import answer
    from pixelrefer_ros.evaluation.benchmarks.ray_answering import RayAnswering

    if arguments.engine == "ray":
        with RayAnswering(model, arguments.workers or WORKERS) as ray:
            yield ray.answer
    else:
        with model.load() as describer:
            yield partial(answer, describer)


def _data(arguments: argparse.Namespace) -> tuple[Path, Path]:
    """Return where annotations and pictures are; render those of the own benchmark.

    Raises `CommandError` for options that are missing or of no use, and a folder of another seed.
    """
    if arguments.benchmark != OWN:
        for option in ("annotations", "images"):
            if getattr(arguments, option) is None:
                raise CommandError(
                    f"--benchmark {arguments.benchmark} needs --{option}; docs/benchmarks.md tells "
                    "where to get them"
                )
        return arguments.annotations, arguments.images
    if arguments.annotations is not None:
        raise CommandError(f"--annotations: {OWN} has its own, leave it away")
    images: Path = arguments.images or Path("data") / OWN
    if not (images / "annotations.json").exists():
        from pixelrefer_ros.simulation.tablerefer import render

        with progress_bar("render") as progress:
            for done, total in render(images, workers=arguments.workers or WORKERS):
                progress(done, total)
    _check_seed(images)
    return images / "annotations.json", images


def _check_seed(images: Path) -> None:
    from pixelrefer_ros.evaluation.benchmarks.entries import read_json
    from pixelrefer_ros.simulation.tablerefer import SEED

    said = read_json(images / "simulation.json")
    seed = said.get("seed") if isinstance(said, dict) else None
    if seed != SEED:
        raise CommandError(
            f"--images {images}: holds a data set of seed {seed}, {OWN} is of seed {SEED}; "
            "give another --images"
        )
