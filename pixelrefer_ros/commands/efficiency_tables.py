"""What `pixelrefer bench --paper` found, in the layout of the paper's Tables 5 and 6."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import MARKDOWN
from rich.table import Table

from pixelrefer_ros.evaluation.paper_efficiency import (
    IMAGE_FRAMES,
    PAPER_DEVICE,
    PAPER_MODELS,
    VIDEO_FRAMES,
    ItemCost,
)
from pixelrefer_ros.evaluation.speed import CallSpeed
from pixelrefer_ros.report import make_console

ABSENT = "-"
KINDS = ("image", "video")


def print_efficiency_tables(machine: Mapping[str, Any], calls: Sequence[CallSpeed]) -> None:
    """Print operations as in Table 5, memory and time as in Table 6, for each size of image.

    machine: as in the JSON form; calls: about one region on `IMAGE_FRAMES` and `VIDEO_FRAMES`.
    """
    console = make_console()
    for size in dict.fromkeys(call.image for call in calls):
        pair = [
            next(call for call in calls if (call.image, call.frames) == (size, frames))
            for frames in (IMAGE_FRAMES, VIDEO_FRAMES)
        ]
        console.print(f"Frames of {size}. As Table 5: operations of the language model, in 10^12")
        console.print(_operations(pair))
        console.print("As Table 6: the most memory at once, and the time of an item")
        console.print(_costs(pair, f"{machine['processor']}, {pair[0].dtype}"))
    console.print(
        f"The paper's rows were measured on one {PAPER_DEVICE}, on items of its benchmarks, whose "
        f"images and answers have other lengths. Here an image is one frame, a video "
        f"{VIDEO_FRAMES}, an answer {calls[0].tokens} tokens; an object brings its tokens for "
        "every frame, where the paper counts them once. Memory on a CPU is that of the whole "
        "process."
    )


def _operations(pair: Sequence[CallSpeed]) -> Table:
    table = _table("model", ("prompt tokens", "Eq. 9", "Eq. 10"))
    for model in PAPER_MODELS:
        if model.image.prefill_tflop is not None:
            counts = (_show(item.prefill_tflop) for item in (model.image, model.video))
            cells = [cell for count in counts for cell in (ABSENT, count, ABSENT)]
            table.add_row(f"{model.name}, paper", *cells)
    table.add_row(pair[0].model, *(cell for call in pair for cell in _counted(call)))
    return table


def _counted(call: CallSpeed) -> list[str]:
    counts = (call.paper_flops[part] / 1e12 for part in ("prefill", "decode"))
    return [str(call.prompt_tokens), *map(_show, counts)]


def _costs(pair: Sequence[CallSpeed], where: str) -> Table:
    table = _table("model", ("GB", "s"), "on")
    for model in PAPER_MODELS:
        if model.image.seconds is not None:
            table.add_row(
                f"{model.name}, paper", PAPER_DEVICE, *_cost(model.image), *_cost(model.video)
            )
    items = (ItemCost(None, call.peak_bytes / 1e9, call.median_s) for call in pair)
    table.add_row(pair[0].model, where, *(cell for item in items for cell in _cost(item)))
    return table


def _cost(item: ItemCost) -> tuple[str, str]:
    return _show(item.memory_gb), _show(item.seconds)


def _table(first: str, figures: Sequence[str], *others: str) -> Table:
    table = Table(box=MARKDOWN)
    for heading in (first, *others):
        table.add_column(heading)
    for kind in KINDS:
        for figure in figures:
            table.add_column(f"{kind} {figure}", justify="right")
    return table


def _show(figure: float | None) -> str:
    return ABSENT if figure is None else f"{figure:.4g}"
