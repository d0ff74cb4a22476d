from __future__ import annotations

import json
import multiprocessing
import os
import re
import shutil
import signal
from ctypes.util import find_library
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixelrefer_ros.errors import CommandError, DeviceError
from pixelrefer_ros.simulation.dataset import FORM, simulate
from pixelrefer_ros.simulation.rle import decode

SCENES, CLIPS, SEED = 4, 1, 3


def make(out: Path, **changes) -> list[tuple[int, int]]:
    return list(simulate(out, **{"scenes": SCENES, "clips": CLIPS, "seed": SEED, **changes}))


def files(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.*")}


@pytest.fixture(scope="module")
def data(renderer, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("simulated") / "data"
    assert make(out) == [(done, SCENES + CLIPS) for done in range(SCENES + CLIPS + 1)]
    return out


def records(out: Path) -> list[dict]:
    return json.loads((out / "annotations.json").read_text())


def test_each_record_is_whole(data):
    seen = set()
    for record in records(data):
        assert record["id"] not in seen
        seen.add(record["id"])
        paths = record["frames"] if "video" in record else [record["image"]]
        assert ("image" in record) != ("video" in record)
        for path in paths:
            with Image.open(data / path) as image:
                assert image.size == (record["width"], record["height"]) == (640, 480)
        question, answer = record["conversations"]
        assert (question["from"], answer["from"]) == ("human", "gpt")
        assert question["value"].count("<region>") == len(record["annotation"])
        assert record["accepted"][0] == record["expected"]
        for frames, area in zip(record["annotation"], record["areas"], strict=True):
            assert {int(frame) for frame in frames} <= set(range(len(paths)))
            masks = [decode(entry["segmentation"]) for entry in frames.values()]
            assert all(mask.shape == (480, 640) and mask.any() for mask in masks)
            assert np.mean([mask.sum() for mask in masks]) == pytest.approx(area, abs=1)


def test_clips_have_times(data):
    clips = [record for record in records(data) if "video" in record]
    assert clips
    for record in clips:
        assert len(record["frames"]) == len(record["times"]) == 8
        assert record["times"] == sorted(record["times"])
        assert 1 <= record["times"][-1] <= 2


def test_a_line_is_a_record(data):
    lines = (data / "annotations.json").read_text().splitlines()
    assert (lines[0], lines[-1]) == ("[", "]")
    assert [json.loads(line.rstrip(",")) for line in lines[1:-1]] == records(data)


def test_several_processes_write_the_same(data, tmp_path):
    make(tmp_path / "data", workers=2)
    assert files(tmp_path / "data") == files(data)


def test_what_was_stopped_goes_on(data, tmp_path):
    out = tmp_path / "data"
    stopped = simulate(out, scenes=SCENES, clips=CLIPS, seed=SEED)
    for _ in range(3):
        next(stopped)
    stopped.close()
    assert not (out / "annotations.json").exists()
    assert make(out)[0] == (2, SCENES + CLIPS)
    assert files(out) == files(data)


def test_another_seed_gives_other_pictures(data, tmp_path):
    make(tmp_path / "data", scenes=1, clips=0, seed=SEED + 1)
    first = "images/000000.jpg"
    assert (tmp_path / "data" / first).read_bytes() != (data / first).read_bytes()


def test_a_folder_of_something_else_is_refused(data, tmp_path):
    with pytest.raises(CommandError, match="'seed': 3"):
        make(data, seed=SEED + 1)
    with pytest.raises(CommandError, match=r"'clip_seconds': 0\.7"):
        make(data, clip_seconds=0.7)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(CommandError, match="holds no simulated data set"):
        make(tmp_path)


def test_a_broken_file_of_an_earlier_run_is_named(data, tmp_path):
    out = tmp_path / "data"
    shutil.copytree(data, out)
    (out / "shards" / "still-000002.json").write_text("[{")
    with pytest.raises(CommandError, match=r"still-000002.json is no JSON: .*; delete it and run"):
        make(out)
    (out / "shards" / "still-000002.json").unlink()
    make(out)
    assert files(out) == files(data)
    (out / "simulation.json").write_text("{")
    with pytest.raises(CommandError, match=r"simulation.json is no JSON"):
        make(out)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_folder_that_cannot_be_written_is_named(renderer, tmp_path, workers):
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match=r"--out .*below: .*Not a directory"):
        make(tmp_path / "file" / "below")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "simulation.json").write_text(json.dumps({"form": FORM, "seed": SEED}))
    (tmp_path / "data" / "images").write_text("")
    with pytest.raises(CommandError, match=r"--out .*data: .*exists"):
        make(tmp_path / "data", workers=workers)


def test_a_killed_process_is_said_and_the_next_run_goes_on(data, tmp_path):
    said = None
    for attempt in range(3):  # all may be done before where the computer stalls
        out = tmp_path / str(attempt)
        running = simulate(out, scenes=SCENES, clips=CLIPS, seed=SEED, workers=2)
        assert next(running) == (0, SCENES + CLIPS)
        assert next(running)[0] == 1
        os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
        try:
            list(running)
        except CommandError as error:
            said = str(error)
            break
    assert said is not None
    assert re.search(r"one of 2 processes was killed.* fewer --workers", said)
    assert make(out)[0][0] > 0
    unfinished = {name for name in files(out) if name.endswith(".part")}
    assert {n: d for n, d in files(out).items() if n not in unfinished} == files(data)


def test_processes_that_cannot_draw_say_why(tmp_path, monkeypatch):
    if find_library("OSMesa"):
        pytest.skip("OSMesa is here, and draws")
    monkeypatch.setenv("MUJOCO_GL", "osmesa")
    with pytest.raises(DeviceError, match="nothing here can draw"):
        make(tmp_path / "data", workers=2)


def test_a_quiz_is_another_data_set_of_the_same_clips(data, tmp_path):
    out = tmp_path / "quiz"
    make(out, scenes=1, quiz=True)
    assert (out / "clips/000000/0.jpg").read_bytes() == (data / "clips/000000/0.jpg").read_bytes()
    quiz = [record for record in records(out) if "video" in record]
    assert quiz
    for record in quiz:
        assert record["expected"] in record["choices"]
        assert len(record["frames"]) == len(record["times"])
        assert all(int(frame) < len(record["frames"]) for frame in record["annotation"][0])
        assert len(record["frames"]) == (5 if record["question_type"] == "future" else 8)
    stills = [record for record in records(data) if record["id"].startswith("still-000000")]
    assert [record for record in records(out) if "image" in record] == stills
    with pytest.raises(CommandError, match="holds a data set of"):
        make(out)
