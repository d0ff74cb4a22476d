"""What `pixelrefer bench` found, as tables for people; in Markdown, so that pages can hold them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pixelrefer_ros.evaluation.speed import CallSpeed
from pixelrefer_ros.report import make_console, noise_notice


def print_tables(found: Mapping[str, Any], calls: Sequence[CallSpeed]) -> None:
    """Print the times, the stages and the operations of calls, and what they were made on.

    found: `machine`, `load_s` and `import_s` as in the JSON form.
    """
    console = make_console()
    machine, first = found["machine"], calls[0]
    console.print(
        f"{first.model}, {first.dtype} on {machine['device']}: {machine['processor']}, "
        f"{machine['cores']} cores, {machine['threads']} threads, torch "
        f"{machine['torch_version']}, Python {machine['python_version']}"
    )
    console.print(
        f"loaded in {found['load_s']:.2f} s, after imports of {found['import_s']:.1f} s; the "
        f"machine: {machine['matmul_flops_per_s'] / 1e9:.0f} GFLOP/s in products of matrices, "
        f"{machine['copy_bytes_per_s'] / 1e9:.1f} GB/s in copies"
    )
    for columns in (_times, _stages, _operations):
        _print_table(console, calls, columns)
    console.print(
        f"{first.runs} calls each, {first.tokens} new tokens for each region; of the answers at "
        f"least {min(call.same_answers for call in calls):.0%} are the reference path's"
    )
    if notice := noise_notice(first.model):
        console.print(Text(notice, style="yellow"))


def _print_table(
    console: Console,
    calls: Sequence[CallSpeed],
    columns: Callable[[CallSpeed], Mapping[str, str]],
) -> None:
    table = Table(box=MARKDOWN)
    for heading in ("image", "regions", "frames", *columns(calls[0])):
        table.add_column(heading, justify="right", no_wrap=True)
    for call in calls:
        table.add_row(call.image, str(call.regions), str(call.frames), *columns(call).values())
    console.print(table)


def _times(call: CallSpeed) -> dict[str, str]:
    return {
        "median ms": f"{1000 * call.median_s:.1f}",
        "95 % ms": f"{1000 * call.p95_s:.1f}",
        "reference ms": f"{1000 * call.reference_median_s:.1f}",
        "times faster": f"{call.speedup:.2f}",
        "tokens/s": f"{call.tokens_per_s:.0f}",
        "regions/s": f"{call.regions_per_s:.2f}",
        "peak MB": f"{call.peak_bytes / 1e6:.0f}",
    }


def _stages(call: CallSpeed) -> dict[str, str]:
    return {
        f"{name.removesuffix('_s')} ms": f"{1000 * seconds:.1f}"
        for name, seconds in call.stages.items()
    }


def _operations(call: CallSpeed) -> dict[str, str]:
    counts = {
        "GFLOP": call.flops,
        **call.flops_by_stage,
        "Eq. 9": call.paper_flops["prefill"],
        "Eq. 10": call.paper_flops["decode"],
    }
    shares = {f"{stage} %": f"{100 * share:.0f}" for stage, share in call.shares.items()}
    return {name: f"{count / 1e9:.2f}" for name, count in counts.items()} | shares
