"""What the shipped model says is right: asked of a node through real DDS, about known pictures."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest

from pixelrefer_ros.datasets.masks import decode_mask
from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.resources import find_model
from pixelrefer_ros.ros.asking import ask
from pixelrefer_ros.streams.bag_writer import write_bag
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.image_codec import CompressedImage

PICTURES = Path(__file__).parents[1] / "data" / "table_tops"
NAMES = ("mug", "teapots", "cars")
TOPIC = "/camera/image_raw/compressed"
PERIOD_NS = 100_000_000


@cache
def known_regions() -> dict[str, dict[str, dict]]:
    """Read the exact box and mask of objects in each picture."""
    return json.loads((PICTURES / "regions.json").read_text())


def region(picture: str, name: str, shape: str = "mask") -> Region:
    known = known_regions()[picture][name]
    if shape == "box":
        return Region(object_id=name, box=tuple(known["box"]))
    return Region(object_id=name, mask=decode_mask(known["mask"], 480, 640))


def frames(first_ns: int) -> list[Frame]:
    pictures = [(PICTURES / f"{name}.jpg").read_bytes() for name in NAMES]
    return [
        Frame("camera", first_ns + number * PERIOD_NS, "camera", CompressedImage("jpeg", picture))
        for number, picture in enumerate(pictures)
    ]


class Table:
    """The pictures, in the buffer of a running node."""

    def __init__(self, client, first_ns: int) -> None:
        self._client = client
        self._first_ns = first_ns

    def ask(
        self, picture: str, names: Sequence[str], prompt: str, shape: str = "mask"
    ) -> list[str]:
        """Return the answers, in lower case."""
        stamp_ns = self._first_ns + NAMES.index(picture) * PERIOD_NS
        regions = [region(picture, name, shape) for name in names]
        stamps = [stamp_ns] * len(regions)
        asked = ask(self._client, regions, stamps, camera="", prompt=prompt, timeout_s=60.0)
        entries = asked.wait(70.0)
        assert [entry.error_msg for entry in entries if entry.error_code] == []
        assert {entry.stamp_ns for entry in entries} == {stamp_ns}
        return [entry.text.lower() for entry in entries]


@pytest.fixture(scope="module")
def model() -> str:
    return find_model()


@pytest.fixture(scope="module")
def table(module_processes, model, tmp_path_factory) -> Table:
    node = module_processes.node(
        model__path=model,
        cameras__camera__topic=TOPIC,
        cameras__camera__transport="compressed",
        buffer__seconds=3600.0,
    ).start()
    bag = tmp_path_factory.mktemp("meaning") / "bag"
    first_ns = time.time_ns()
    write_bag(bag, ((TOPIC, frame) for frame in frames(first_ns)))
    player = [sys.executable, "-m", "pixelrefer_ros.ros.bag_player", str(bag)]
    for _ in range(3):  # best effort: frames may be lost where the computer stalls
        subprocess.run(player, check=True, timeout=300, capture_output=True)
        with suppress(AssertionError):
            node.wait_for_frames(len(NAMES), timeout_s=20.0)
            break
    assert len(node.stamps_ns()) == len(NAMES)
    return Table(node.client, first_ns)


def words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text)


@pytest.mark.parametrize("shape", ["box", "mask"])
def test_a_red_mug_is_called_a_red_mug(table, shape):
    [caption] = table.ask("mug", ["red mug"], "Describe <region> briefly.", shape)
    assert {"red", "mug"} <= set(words(caption)), caption
    [detail] = table.ask("mug", ["red mug"], "", shape)
    assert {"red", "mug"} <= set(words(detail)), detail


def test_two_objects_in_one_frame_get_different_answers(table):
    answers = table.ask("mug", ["red mug", "purple candle"], "What is this?")
    for answer, right in zip(answers, ["mug", "candle"], strict=True):
        assert right in words(answer), answers
    answers = table.ask("teapots", ["black teapot", "blue plate"], "What colour is it?")
    for answer, right in zip(answers, ["black", "blue"], strict=True):
        assert right in words(answer), answers


@pytest.mark.parametrize(
    ("picture", "left", "right"),
    [
        ("mug", "yellow can", "red mug"),
        ("mug", "white teapot", "brown can"),
        ("teapots", "black teapot", "grey teapot"),
    ],
)
def test_left_becomes_right_when_the_regions_are_swapped(table, picture, left, right):
    prompt = "Where is <region> seen from <region>?"
    [one] = table.ask(picture, [left, right], prompt)
    [other] = table.ask(picture, [right, left], prompt)
    assert "left" in words(one), one
    assert "right" in words(other), other


@pytest.mark.parametrize(
    ("picture", "names", "prompt", "right"),
    [
        ("mug", ["red mug"], "Is <region> made of wood?", "yes"),
        ("mug", ["purple candle"], "Is <region> a teapot?", "no"),
        ("mug", ["red mug", "brown can"], "Is <region> to the right of <region>?", "yes"),
        ("mug", ["red mug", "yellow can"], "Is <region> to the left of <region>?", "no"),
        ("teapots", ["white cone"], "Is <region> white?", "yes"),
        ("teapots", ["grey teapot"], "Is <region> red?", "no"),
        ("cars", ["red phone"], "Is <region> a phone?", "yes"),
        ("cars", ["pink car"], "Is <region> a can?", "no"),
    ],
)
def test_yes_and_no(table, picture, names, prompt, right):
    [answer] = table.ask(picture, names, prompt)
    assert words(answer)[0] == right, answer


def test_the_node_answers_as_the_describer_does(table, model):
    pictures = dict(zip(NAMES, frames(0), strict=True))
    with Describer.from_pretrained(model) as describer:
        for picture, known in known_regions().items():
            for prompt in ("", "What is this?"):
                regions = [region(picture, name) for name in known]
                offline = describer.describe(pictures[picture], regions, prompt)
                assert table.ask(picture, list(known), prompt) == [
                    answer.text.lower() for answer in offline
                ]
