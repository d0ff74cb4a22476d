from __future__ import annotations

import hashlib
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from pixelrefer_ros.cli import main
from pixelrefer_ros.streams.bag_writer import write_bag
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.image_codec import from_rgb

FEW = ("--max-new-tokens", "3", "--model", "random-tiny")


def entries(capsys, *arguments: str) -> list[dict]:
    assert main(["describe", *arguments, "--json", *FEW]) == 0
    return json.loads(capsys.readouterr().out)


def test_each_region_gets_an_answer(capsys, photo, tmp_path, picture):
    mask = np.zeros(picture.shape[:2], np.uint8)
    mask[30:60, 40:80] = 1
    Image.fromarray(mask).save(tmp_path / "mask.png")
    shapes = (
        ("--box", "40,30,40,30"),
        ("--polygon", "40,30 80,30 80,60 40,60"),
        ("--mask", str(tmp_path / "mask.png")),
    )
    given = [part for shape in shapes for part in shape]
    answers = entries(capsys, photo, *given, "--segmenter", "none")
    assert len(answers) == 3
    assert len({answer["text"] for answer in answers}) == 1, "one region, said in three ways"
    assert answers[0]["camera"] == photo
    assert 0 < answers[0]["confidence"] <= 1
    assert answers[0]["encode_s"] > 0
    assert answers[0]["generate_s"] > 0
    assert answers[0]["error_code"] == 0
    assert answers[0]["model_id"] == "random-tiny (random weights)"


def test_however_many_regions_there_are_all_are_asked_about(capsys, photo):
    boxes = (part for x in range(20) for part in ("--box", f"{x},30,40,30"))
    assert len(entries(capsys, photo, *boxes)) == 20


def test_a_joint_question_gets_one_answer(capsys, photo):
    [answer] = entries(
        capsys, photo, "--box", "0,0,20,20", "--box", "40,30,40,30", "--object-id", "left",
        "--object-id", "right", "--prompt", "Is <region> left of <region>?",
    )  # fmt: skip
    assert answer["object_ids"] == ["left", "right"]
    assert answer["prompt"] == "Is <region> left of <region>?"


def test_the_same_object_on_several_frames_is_one(capsys, tmp_path, picture):
    for number in range(3):
        Image.fromarray(np.roll(picture, 10 * number, axis=1)).save(tmp_path / f"{number}.jpg")
    two_boxes = ("--box", "40,30,40,30", "--box", "60,30,40,30", "--object-id", "cup")
    [answer] = entries(capsys, str(tmp_path), *two_boxes, "--frame", "0", "--frame", "2")
    assert answer["object_ids"] == ["cup"]
    assert answer["stamp_ns"] == 2 * 10**9
    [faster] = entries(
        capsys, str(tmp_path), *two_boxes, "--frame", "0", "--frame", "2", "--rate", "10"
    )
    assert faster["stamp_ns"] == 200_000_000


def test_a_frame_of_a_bag_by_stamp(capsys, tmp_path, picture):
    frames = [Frame("", n * 10**9, "", from_rgb(np.roll(picture, n))) for n in (1, 2, 3)]
    write_bag(tmp_path / "bag", (("/image", frame) for frame in frames))
    for stamp, expected in (("2.001", 2), ("1000000000", 1), (None, 3)):
        chosen = () if stamp is None else ("--stamp", stamp)
        [answer] = entries(capsys, "--bag", str(tmp_path / "bag"), *chosen, "--box", "40,30,40,30")
        assert answer["stamp_ns"] == expected * 10**9
        assert answer["camera"] == "/image"


def test_the_table_says_that_random_words_are_noise(capsys, photo):
    assert main(["describe", photo, "--box", "0,0,20,20", "--object-id", "cup", *FEW]) == 0
    output = capsys.readouterr().out
    for word in ("cup", "confi-", "queue", "prepare", "encode", "generate"):
        assert word in output
    assert "'random-tiny' has random weights. Its words are noise" in output


def test_the_picture_shows_the_region(photo, tmp_path, picture):
    saved = tmp_path / "saved.png"
    assert main(["describe", photo, "--box", "40,40,60,60", "--save", str(saved), *FEW]) == 0
    drawn = np.asarray(Image.open(saved))
    assert drawn.shape[1] == picture.shape[1]
    assert drawn.shape[0] > picture.shape[0], "the answer stands below"
    changed = (drawn[: picture.shape[0]] != picture).any(axis=-1)
    assert changed[45:95, 45:95].all()
    assert not changed[:30].any()


@pytest.mark.parametrize(
    ("pointing", "is_whole_box"),
    [
        (["--box", "40,30,50,50"], False),
        (["--box", "40,30,50,50", "--segmenter", "none"], True),
        (["--point", "60,50 70,60"], False),
    ],
)
def test_the_object_is_found_as_the_node_finds_it(tmp_path, pointing, is_whole_box):
    square = np.random.default_rng(0).integers(100, 140, (120, 160, 3)).astype(np.uint8)
    square[40:70, 50:80, 2] += 110
    Image.fromarray(square).save(tmp_path / "square.png")
    saved = tmp_path / "saved.png"
    options = [*pointing, "--save", str(saved), *FEW]
    assert main(["describe", str(tmp_path / "square.png"), *options]) == 0
    changed = (np.asarray(Image.open(saved))[:120] != square).any(axis=-1)
    assert changed[45:65, 55:75].all()
    assert changed[33:37, 43:47].any() == is_whole_box


BOX = ("--box", "0,0,20,20")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no region: give at least one"),
        ([*BOX, "--frame", "1"], "--frame is 1, the images are 0 to 0"),
        ([*BOX, "--stamp", "1.5"], "--stamp does not go with images"),
        ([*BOX, "--topic", "/image"], "--topic does not go with images"),
        ([*BOX, "--bag", "recording"], "give either IMAGE files or --bag"),
        (["--box", "0,0,0,20"], "regions[0]: box width is 0, must be at least 1 pixel"),
        (["--box", "-5,0,9,9"], "regions[0]: box covers x -5 to 4, the image x 0 to 160"),
        (["--polygon", "1,1 9,9"], "regions[0]: polygon has 2 points"),
        (["--point", "9,9", "--segmenter", "none"], "regions[0]: points need a segmenter: choose"),
        (["--point", "9,900"], "regions[0]: points[0] is (9, 900), the image reaches from"),
        ([*BOX, "--segmenter", "magic"], "invalid choice: 'magic'"),
        ([*BOX, "--segmenter", "sam2"], "the folder or hub id of SAM 2 is empty"),
        ([*BOX, "--prompt", "<region><region>"], "prompt has 2 <region>"),
        ([*BOX, "--prompt", "<image>"], "prompt has 1 <image>"),
        ([*BOX, "--model", "missing"], "model is 'missing': no such folder"),
        ([*BOX, "--device", "tpu"], "device is 'tpu', must be auto, cpu, cuda"),
        ([*BOX, "--dtype", "int8"], "dtype is 'int8', must be auto, float32"),
        ([*BOX, "--quantization", "int3"], "quantization is 'int3', must be one of none, int8"),
        ([*BOX, "--rate", "0"], "argument --rate: '0' is not a number above 0"),
        ([*BOX, "--save", "answer.gif"], "'answer.gif' must end in .jpg, .jpeg, .png"),
        ([*BOX, "--save", "missing/a.png"], "there is no folder 'missing'"),
    ],
)
def test_bad_input_is_answered_in_one_line(capsys, photo, arguments, message):
    try:
        status = main(["describe", photo, "--model", "random-tiny", *arguments])
    except SystemExit as leaving:
        status = leaving.code
    output, errors = capsys.readouterr()
    assert (status, output) == (2, "")
    assert errors.startswith("pixelrefer describe: ")
    assert message in errors
    assert errors.count("\n") == 1


def test_bad_bags(capsys, tmp_path, picture):
    write_bag(tmp_path / "bag", [("/image", Frame("", 10**9, "", from_rgb(picture)))])
    for arguments, message in (
        (["--bag", str(tmp_path / "missing")], "cannot be read"),
        (["--bag", str(tmp_path / "bag"), "--topic", "/other"], "has no image topic '/other'"),
        (["--bag", str(tmp_path / "bag"), "--stamp", "9.0"], "from the nearest frame"),
        (["--bag", str(tmp_path / "bag"), "--frame", "0"], "--frame does not go with a bag"),
    ):
        assert main(["describe", *BOX, *arguments]) == 2
        assert message in capsys.readouterr().err


def test_a_download_is_told_with_its_checksums(
    capsys, photo, tiny_model_path, tmp_path, monkeypatch
):
    commit = "0123456789abcdef0123456789abcdef01234567"
    snapshot = shutil.copytree(tiny_model_path, tmp_path / commit)
    asked = []

    def snapshot_download(name, *, revision, local_files_only, **options):
        asked.append((name, revision, local_files_only))
        return str(snapshot)

    monkeypatch.setattr("pixelrefer_ros.model.checkpoint.snapshot_download", snapshot_download)
    words = ["describe", photo, *BOX, "--download", "--max-new-tokens", "3", "--model"]
    assert main([*words, f"owner/name@{commit}"]) == 0
    checksum = hashlib.sha256((snapshot / "model.safetensors").read_bytes()).hexdigest()
    printed = capsys.readouterr().err
    assert f"model owner/name@{commit}\nsha256 {checksum} model.safetensors\n" in printed
    assert asked == [("owner/name", commit, False), ("owner/name", commit, True)]
    assert main([*words, "owner/name@main"]) == 2
    assert "owner/name@COMMIT" in capsys.readouterr().err
    assert len(asked) == 2
