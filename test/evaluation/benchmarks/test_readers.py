from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from drawn_shapes import shape

from pixelrefer_ros.datasets.video_files import PictureReader
from pixelrefer_ros.errors import DatasetError
from pixelrefer_ros.evaluation.benchmarks.benchmark import read_benchmark
from pixelrefer_ros.evaluation.benchmarks.catalogue import BENCHMARKS
from pixelrefer_ros.evaluation.metrics import METRICS

sys.path.insert(0, str(Path(__file__).parent))
import discs
import samples


@pytest.fixture
def images(tmp_path) -> Path:
    """Pictures, a folder of frames and a film."""
    folder = samples.write_pictures(tmp_path / "images")
    samples.write_pictures(folder / "clips" / "disc")
    samples.write_video(folder / "film.avi")
    return folder


def read(name, file, images, *, is_lite=True, limit=None):
    return read_benchmark(BENCHMARKS[name], file, images, is_lite=is_lite, limit=limit)


def masks(query):
    return [
        region.to_mask(*query.frames[region.frame].size, name="region") for region in query.regions
    ]


def asked(question):
    """Read pictures and masks as the engine gets them."""
    return question.query(PictureReader(), 8)


def test_all_metrics_exist():
    for benchmark in BENCHMARKS.values():
        assert {name for names in benchmark.metrics.values() for name in names} <= {*METRICS}


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("lvis", "What is the category of <region>? Using only one word or phrase."),
        (
            "paco",
            "What is the category of <region>? It maybe a subpart of an object. If it is a "
            "subpart, output in the format of 'category:subcategory', else just output the "
            "category.",
        ),
    ],
)
def test_osprey_asks_about_every_mask(tmp_path, images, name, question):
    reading = read(name, samples.osprey(tmp_path), images)
    assert len(reading.questions) == 4
    first, second, *_ = reading.questions
    assert [one.expected.category for one in (first, second)] == ["cutting_board", "mug:handle"]
    query = asked(first)
    assert query.prompt == question
    assert np.array_equal(query.frames[0].rgb(), shape(0)[0])
    assert np.array_equal(masks(query)[0], shape(0)[1])
    [square] = masks(asked(second))
    assert square[10:40, 20:60].all()
    assert square.sum() == 30 * 40


def test_visual_genome_asks_about_boxes(tmp_path, images, caplog):
    reading = read("vg", samples.coco(tmp_path), images)
    [question] = reading.questions
    assert (question.id, question.expected.references) == ("7", ("a red disc",))
    query = asked(question)
    assert query.prompt == "Please describe <region> briefly."
    [box] = masks(query)  # what reaches out of the picture is cut off
    assert box[:, :38].any(axis=0).all()
    assert not box[:, 38:].any()
    assert reading.left_out == 1
    assert "vg.json.annotations[1]: image_id is 4, no image has it" in caplog.text


def test_ref_l4_asks_once_about_a_box_with_all_its_captions(tmp_path, images):
    file = samples.write_json(tmp_path / "ref.json", samples.ref_l4_rows())
    brief = read("ref-l4", file, images).questions
    assert [one.expected.references for one in brief] == [
        ("a red disc", "the disc"),
        ("a corner",),
    ]
    assert asked(brief[0]).prompt == "Please describe <region> in brief."
    assert masks(asked(brief[0]))[0].sum() == 40 * 30
    [detail] = read("ref-l4-clair", file, images).questions
    assert asked(detail).prompt == "Please describe <region> in detail."


def test_ref_l4_is_read_from_parquet(tmp_path, images):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "ref-l4-val.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(samples.ref_l4_rows()), path)
    file = samples.write_json(tmp_path / "ref.json", samples.ref_l4_rows())
    from_json = [one.expected for one in read("ref-l4", file, images).questions]
    assert [one.expected for one in read("ref-l4", path, images).questions] == from_json
    path.write_bytes(b"nothing")
    with pytest.raises(DatasetError, match=r"ref-l4-val.parquet: not readable"):
        read("ref-l4", path, images)


def test_dlc_bench_knows_what_is_true_and_what_is_not(tmp_path, images):
    [question] = read("dlc-bench", samples.dlc_bench(tmp_path), images).questions
    expected = question.expected
    assert (expected.id, expected.category) == ("7", "disc")
    assert expected.positive == ("Which colour? Red",)
    assert expected.negative == ("Is there a lid? Yes",)
    query = asked(question)
    assert query.prompt.endswith("in the image in detail. Do not describe anything else.")
    assert np.array_equal(masks(query)[0], shape(0)[1])


def test_ferret_bench_has_its_references_beside_it(tmp_path, images):
    first, second = read("ferret-bench", samples.ferret_bench(tmp_path), images).questions
    assert first.expected.references == ("Because it rolls.", "A red disc.")
    assert second.expected.references == ()
    assert first.expected.question == asked(first).prompt == "Why is <region> round?"


def test_videorefer_d_takes_all_masks_at_the_times_of_the_file(tmp_path, images):
    [question] = read("videorefer-bench-d", samples.videorefer_d(tmp_path), images).questions
    assert question.expected.references == ("A disc that gets brighter.",)
    query = asked(question)
    assert query.prompt.startswith("There is one object in the video: <region>.\nPlease describe")
    assert [frame.stamp_ns for frame in query.frames] == [250_000_000, 750_000_000, 0]
    assert [round(float(f.rgb().mean()), -1) for f in query.frames[:2]] == [40, 120]
    assert [region.object_id for region in query.regions] == ["0", "0"]
    full = read("videorefer-bench-d", samples.videorefer_d(tmp_path), images, is_lite=False)
    assert asked(full.questions[0]).prompt == (
        "Please describe in detail the marked object <region> in the video."
    )


def test_videorefer_q_asks_to_choose(tmp_path, images):
    [question] = read("videorefer-bench-q", samples.videorefer_q(tmp_path), images).questions
    expected = question.expected
    assert expected.choices == ("(A) A disc", "(B) A hat")
    assert (expected.answer, expected.question_type) == ("(A) A disc", "Basic Questions")
    query = asked(question)
    assert query.prompt.splitlines()[:3] == [
        "What is <object3><region> next to <object1><region>?",
        "(A) A disc",
        "(B) A hat",
    ]
    assert [(region.object_id, region.frame) for region in query.regions] == [
        ("0", 0),
        ("0", 1),
        ("1", 1),
    ]
    assert np.array_equal(query.frames[1].rgb(), shape(2)[0])


def test_hc_stvg_follows_the_boxes(tmp_path, images, caplog):
    reading = read("hc-stvg", samples.hc_stvg(tmp_path), images)
    [question] = reading.questions
    query = asked(question)
    assert query.prompt.endswith("Using only one sentense.")
    times = [frame.stamp_ns / 1e9 for frame in query.frames[:10]]
    assert times == pytest.approx([frame / 8 for frame in range(2, 12)])
    assert round(float(query.frames[0].rgb().mean()), -1) == 40
    assert "hc.json['other.avi']: bbox is [], must be a list that is not empty" in caplog.text


def test_hc_stvg_finds_videos_in_parts(tmp_path, images):
    (images / "part1").mkdir()
    (images / "film.avi").rename(images / "part1" / "film.avi")
    [question] = read("hc-stvg", samples.hc_stvg(tmp_path), images).questions
    assert len(asked(question).frames) == 11


def test_what_is_broken_names_file_entry_and_field(tmp_path, images, caplog):
    entries = [
        {"file_name": "0.png", "categories": ["a"], "annotations": [{"segmentation": None}]},
        {"file_name": "0.png", "categories": ["a", "b"], "annotations": [{"segmentation": []}]},
        {"file_name": 5},
        "text",
        {
            "file_name": "0.png",
            "categories": ["disc", "disc"],
            "annotations": [{"segmentation": samples.runs(0)}] * 2,
        },
    ]
    reading = read("lvis", samples.write_json(tmp_path / "l.json", entries), images)
    assert (len(reading.questions), reading.left_out) == (2, 4)
    for message in (
        "l.json[0].annotations[0]: segmentation is None, must be polygons or run lengths",
        "l.json[1]: categories is ['a', 'b'], must be as many names as annotations, 1",
        "l.json[2]: file_name is 5, must be a text",
        "l.json[3]: is a str, must be an object",
    ):
        assert message in caplog.text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bbox": [1, 2, 0, 4]}, "bbox is [1, 2, 0, 4], must be finite x, y, width and "),
        ({"bbox": [float("nan")] * 4}, "bbox is [nan, nan, nan, nan], must be finite x, y"),
        ({"bbox": [float("nan"), 2, 3, 4]}, "bbox is [nan, 2, 3, 4], must be finite x, y"),
        ({"bbox": [1, float("-inf"), 3, 4]}, "bbox is [1, -inf, 3, 4], must be finite x, y"),
        ({"bbox": [10**400, 2, 3, 4]}, "bbox is [1000000"),
        ({"bbox": []}, "bbox is [], must be finite x, y"),
        ({"caption": " "}, "caption is ' ', must be a text"),
        ({"id": None}, "id is None, must be a text"),
    ],
)
def test_a_broken_box_is_left_out(tmp_path, images, caplog, changes, message):
    with pytest.raises(DatasetError, match=r"vg.json: no question in 2 entries"):
        read("vg", samples.coco(tmp_path, **changes), images)
    assert f"vg.json.annotations[0]: {message}" in caplog.text


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ({"file_name": "1.png"}, "vg.json.images[0]: id is None, must be a text"),
        ("1.png", "vg.json.images[0]: is a str, must be an object"),
    ],
)
def test_a_broken_image_is_left_out_with_its_questions(tmp_path, images, caplog, image, message):
    file = samples.coco(tmp_path)  # has a question about an image 4
    values = json.loads(file.read_text())
    values["images"].insert(0, image)
    reading = read("vg", samples.write_json(file, values), images)
    assert ([one.id for one in reading.questions], reading.left_out) == (["7"], 2)
    assert message in caplog.text
    assert "vg.json.annotations[1]: image_id is 4, no image has it" in caplog.text


def test_hc_stvg_names_the_box_that_is_broken(tmp_path, images, caplog):
    file = samples.hc_stvg(tmp_path)
    values = json.loads(file.read_text())
    values["broken.avi"] = {**values["film.avi"], "bbox": [[10, 10, 30, 40]] * 9 + [[1, 2, 3]]}
    values["late.avi"] = {**values["film.avi"], "st_frame": float("nan")}
    reading = read("hc-stvg", samples.write_json(file, values), images)
    assert ([one.id for one in reading.questions], reading.left_out) == (["film.avi"], 3)
    assert "hc.json['broken.avi']: bbox[9] is [1, 2, 3], must be finite x, y" in caplog.text
    assert "hc.json['late.avi']: st_frame is nan, must be a finite number" in caplog.text


@pytest.mark.parametrize("mask", [None, {"segmentation": None}])
def test_videorefer_names_the_frame_without_mask(tmp_path, images, caplog, mask):
    file = samples.videorefer_q(tmp_path)
    [entry] = json.loads(file.read_text())
    broken = {**entry, "id": 5, "annotation": [entry["annotation"][0], {"2": mask}]}
    reading = read("videorefer-bench-q", samples.write_json(file, [entry, broken]), images)
    assert ([one.id for one in reading.questions], reading.left_out) == (["4"], 1)
    assert 'q.json[1]: annotation[1]["2"] is None, must be run lengths or polygons' in caplog.text


def test_videorefer_leaves_out_a_right_answer_that_is_no_option(tmp_path, images, caplog):
    file = samples.videorefer_q(tmp_path)
    [entry] = json.loads(file.read_text())
    broken = {**entry, "id": 5, "Answer": "(C) A mug"}
    reading = read("videorefer-bench-q", samples.write_json(file, [entry, broken]), images)
    assert ([one.id for one in reading.questions], reading.left_out) == (["4"], 1)
    assert (
        "q.json[1]: Answer is '(C) A mug', must be what picks one of (A) A disc, (B) A hat"
        in caplog.text
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"accepted": ["it flies"]}, "accepted is ['it flies'], must be what picks one of (a) it"),
        ({"choices": None}, "choices is None, must be a list that is not empty"),
    ],
)
def test_tablerefer_leaves_out_a_right_answer_that_is_no_choice(tmp_path, caplog, changes, message):
    file = discs.write_benchmark(tmp_path)
    records = json.loads(file.read_text())
    [choice] = [record for record in records if record["task"] == "video_choice"]
    records.append({**choice, "id": "broken", **changes})
    whole = read("tablerefer", file, tmp_path)
    reading = read("tablerefer", samples.write_json(file, records), tmp_path)
    assert (whole.left_out, reading.left_out) == (0, 1)
    assert [one.id for one in reading.questions] == [one.id for one in whole.questions]
    assert f"annotations.json[{len(records) - 1}]: {message}" in caplog.text


@pytest.mark.parametrize("content", ["", "{}", "5", '{"images": [], "annotations": []}', "[]"])
@pytest.mark.parametrize("name", sorted(BENCHMARKS))
def test_a_file_of_no_use_is_an_error(tmp_path, name, content):
    (tmp_path / "qa.json").write_text("{}")
    (tmp_path / "class_names.json").write_text("{}")
    path = tmp_path / "file.json"
    path.write_text(content)
    with pytest.raises(DatasetError, match=r"file\.json"):
        read(name, path, tmp_path)


def test_an_id_that_is_there_twice_is_left_out(tmp_path, images, caplog):
    entries = [{"file_name": "0.png", "caption": "a", "bbox": [0, 0, 9, 9], "bbox_id": "x"}]
    both = [*entries, {**entries[0], "bbox_id": "y"}]
    file = samples.write_json(tmp_path / "r.json", both)
    assert len(read("ref-l4", file, images).questions) == 2
    twice = samples.write_json(
        tmp_path / "f.json",
        [{"question_id": 1, "image": "0.png", "text": "<region>?", "annotation": {
            "segmentation": [samples.SQUARE]}}] * 2,
    )  # fmt: skip
    assert read("ferret-bench", twice, images).left_out == 1
    assert "the id '1' was there before" in caplog.text


def test_a_limit_draws_the_same_again(tmp_path, images):
    file = samples.osprey(tmp_path)
    drawn = [one.id for one in read("lvis", file, images, limit=2).questions]
    assert len(drawn) == 2
    assert [one.id for one in read("lvis", file, images, limit=2).questions] == drawn
    everything = [one.id for one in read("lvis", file, images).questions]
    assert [id for id in everything if id in drawn] == drawn
