from __future__ import annotations

import argparse

import numpy as np
import pytest
from PIL import Image

from pixelrefer_ros.commands.region_arguments import add_region_arguments, check_regions, spread
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.regions.reference import Region


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_region_arguments(parser)
    return parser.parse_args(arguments)


def test_regions_keep_the_order_of_the_command_line(tmp_path):
    Image.fromarray(np.eye(2, dtype=np.uint8)).save(tmp_path / "mask.png")
    regions = parse(
        "--polygon", "0,0 4,0 4,4", "--box", "1,2,3,4", "--mask", str(tmp_path / "mask.png"),
        "--box", "5,6,7,8",
    ).regions  # fmt: skip
    assert regions[0] == Region(polygon=[(0, 0), (4, 0), (4, 4)])
    assert regions[1] == Region(box=(1, 2, 3, 4))
    assert regions[2].mask.tolist() == [[True, False], [False, True]]
    assert regions[3] == Region(box=(5, 6, 7, 8))


def test_one_parse_does_not_leak_into_the_next():
    assert len(parse("--box", "1,2,3,4").regions) == 1
    assert parse().regions == []


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--box", "1,2,3", "box is '1,2,3'"),
        ("--polygon", "1,2 3", "polygon[1] is '3'"),
        ("--mask", "missing.png", "mask 'missing.png' cannot be read"),
    ],
)
def test_a_region_that_cannot_be_read_is_refused(capsys, option, value, message):
    with pytest.raises(SystemExit) as leaving:
        parse(option, value)
    assert leaving.value.code == 2
    assert message in capsys.readouterr().err


def test_an_option_holds_for_all_or_for_each():
    assert spread("--frame", [], 3, 0) == [0, 0, 0]
    assert spread("--frame", [7], 3, 0) == [7, 7, 7]
    assert spread("--frame", [7, 8, 9], 3, 0) == [7, 8, 9]
    with pytest.raises(CommandError, match="--frame is given 2 times for 3 regions"):
        spread("--frame", [7, 8], 3, 0)


def test_at_least_one_region_is_needed():
    check_regions([Region(box=(1, 2, 3, 4))])
    with pytest.raises(CommandError, match="give at least one --box, --polygon, --point or --mask"):
        check_regions([])
