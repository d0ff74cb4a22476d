from __future__ import annotations

import re
import resource

import pytest

from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.training.ablation_runs import Result
from pixelrefer_ros.training.ablation_tables import (
    BEGIN,
    COMPARISONS,
    END,
    make_tables,
    write_tables,
)
from pixelrefer_ros.training.variants import VARIANTS


def result(variant: str, seed: int, colour: float, part: float | None, **changes) -> Result:
    shares = {"colour": {"accuracy": colour, "n": 40}, "part": {"accuracy": part, "n": 20}}
    small = {"colour": {"accuracy": colour / 2, "n": 9}, "part": {"accuracy": None, "n": 0}}
    values = {
        "variant": variant,
        "seed": seed,
        "settings": "0123",
        "steps": 7,
        "seconds": 1.5,
        "evaluation": {**shares, "small_regions": small},
    }
    return Result(**(values | changes))


def rows(table: str) -> dict[str, list[str]]:
    """Return the cells of the last table that has such a row."""
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    return {cells[0]: cells[1:] for cells in lines if cells}


def test_mean_and_spread_over_seeds_by_hand():
    runs = [result("tokens_8", seed, share, 0.5) for seed, share in enumerate((0.6, 0.7, 0.8))]
    runs.append(result("saot", 0, 0.9, None))
    everything, small = make_tables(runs).split("Regions below 2000 px:")[:2]
    found = rows(everything)
    assert found[""] == ["n", "colour", "part", "mean"]
    assert found["8"] == ["3", "70.0 ± 10.0", "50.0 ± 0.0", "60.0 ± 5.0"]
    assert found["16"] == ["1", "90.0", "-", "90.0"]
    assert found["32"] == ["0", "-", "-", "-"]
    small = rows(small.split("###")[0])
    assert small["8"] == ["3", "35.0 ± 5.0", "-", "35.0 ± 5.0"]
    assert (
        "Questions: colour 40, part 20; about regions below 2000 px: colour 9, part 0."
        in everything
    )
    assert "after 7 steps" in everything


def test_every_variant_has_its_place_and_the_baseline_is_in_every_table():
    shown = [{variant for _, variant in comparison.rows} for comparison in COMPARISONS]
    assert set().union(*shown) == {*VARIANTS}
    assert all("saot" in variants for variants in shown)


def test_only_what_is_between_the_marks_changes(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n")
    write_tables([result("saot", 0, 0.9, 0.1)], page)
    once = page.read_text()
    assert re.match(
        rf"before\n\n{BEGIN}\n\nRight answers.*\|\n\n{END}\n\nafter\n$", once, re.DOTALL
    )
    assert "old" not in once
    write_tables([result("saot", 0, 0.9, 0.1)], page)
    assert page.read_text() == once


@pytest.mark.parametrize("text", ["no marks", f"{BEGIN} only", f"{END}\n{BEGIN}"])
def test_a_page_without_marks_is_left_alone(tmp_path, text):
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(CommandError, match="must hold the lines"):
        write_tables([result("saot", 0, 0.9, 0.1)], page)
    assert page.read_text() == text


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(CommandError, match="there are no results"):
        make_tables([])
    others = [result("saot", 0, 0.9, 0.1), result("saot", 1, 0.9, 0.1, settings="4567")]
    with pytest.raises(CommandError, match="different settings, which cannot be compared"):
        make_tables(others)
    other_tasks = {"colour": others[0].evaluation["colour"], "small_regions": {}}
    with pytest.raises(CommandError, match="different settings, which cannot be compared"):
        make_tables([others[0], result("saot", 1, 0.9, 0.1, evaluation=other_tasks)])


def test_a_page_that_cannot_be_written_is_named(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN}\n{END}\n")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))  # like a disk that is full
    try:
        with pytest.raises(CommandError, match=r"page\.md: cannot be written: .*too large"):
            write_tables([result("saot", 0, 0.9, 0.1)], page)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
