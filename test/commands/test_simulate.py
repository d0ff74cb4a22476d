from __future__ import annotations

import json

import pytest

from pixelrefer_ros.cli import main
from pixelrefer_ros.errors import DeviceError
from pixelrefer_ros.simulation import renderer
from pixelrefer_ros.streams.bag_reader import BagReader


@pytest.fixture
def drawing() -> None:
    try:
        renderer.Renderer().close()
    except DeviceError as error:
        pytest.skip(str(error))


@pytest.mark.usefixtures("drawing")
def test_a_data_set_is_written_and_goes_on(tmp_path):
    out = tmp_path / "data"
    assert main(["simulate", "--out", str(out), "--scenes", "1", "--seed", "4"]) == 0
    first = (out / "annotations.json").read_text()
    assert main(["simulate", "--out", str(out), "--scenes", "2", "--seed", "4"]) == 0
    images = {record["image"] for record in json.loads((out / "annotations.json").read_text())}
    assert images == {"images/000000.jpg", "images/000001.jpg"}
    assert (out / "annotations.json").read_text().startswith(first[:1000])


@pytest.mark.usefixtures("drawing")
def test_clips_may_be_of_another_length(tmp_path, capsys):
    out = tmp_path / "data"
    command = ["simulate", "--out", str(out), "--scenes", "0", "--clips", "1"]
    assert main([*command, "--clip-seconds", "0.7"]) == 0
    assert json.loads((out / "simulation.json").read_text())["clip_seconds"] == 0.7
    for record in json.loads((out / "annotations.json").read_text()):
        assert record["times"] == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    assert main(command) == 2
    assert "holds a data set of" in capsys.readouterr().err


@pytest.mark.usefixtures("drawing")
def test_a_bag_is_small_and_has_compressed_images(tmp_path):
    assert main(["simulate", "--bag", str(tmp_path / "bag"), "--seed", "4"]) == 0
    reader = BagReader(tmp_path / "bag")
    frames = list(reader.frames("/camera/image_raw/compressed"))
    assert len(frames) == 41
    assert frames[0].size == (480, 640)
    assert frames[0].rgb().shape == (480, 640, 3)
    assert frames[-1].stamp_ns - frames[0].stamp_ns == 5 * 10**9
    assert sum(path.stat().st_size for path in (tmp_path / "bag").iterdir()) < 3e6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give --out, --bag or both"),
        (["--out", "data", "--scenes", "-1"], "at least 0"),
        (["--out", "data", "--workers", "0"], "at least 1"),
        (["--out", "data", "--clip-seconds", "soon"], "'soon' is not a number above 0"),
        (["--out", "data", "--clip-seconds", "0.01"], "'0.01' is not 0.1 to 60 s"),
        (["--out", "data", "--bag", "."], "--bag .: is there already"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(capsys, options, message):
    try:
        status = main(["simulate", *options])
    except SystemExit as leaving:  # argparse
        status = leaving.code
    assert status == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_without_graphics_it_says_what_to_install(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(renderer, "LIBRARIES", {"egl": "libNoSuch.so.1"})
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    assert main(["simulate", "--out", str(tmp_path / "data"), "--scenes", "1"]) == 2
    error = capsys.readouterr().err
    assert "apt install libegl1" in error
    bag = tmp_path / "bag"
    assert main(["simulate", "--bag", str(bag)]) == 2
    assert not bag.exists(), "the next try would be refused"
    assert error.strip().splitlines()[-1].startswith("pixelrefer simulate: nothing here can draw")
