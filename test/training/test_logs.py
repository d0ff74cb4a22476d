from __future__ import annotations

import cv2

from pixelrefer_ros.training.logs import Entry, Log, draw_curves, read_log


def entry(step: int, loss: float = 1.0) -> Entry:
    return Entry(step, 6 * step, 0, loss, 0.5, 1.0, 1.0, 100.0)


def test_a_resumed_log_forgets_what_is_repeated(tmp_path):
    log = Log(tmp_path, from_step=0, tensorboard=False)
    for step in (1, 2, 3):
        log.add(entry(step), {})
    again = Log(tmp_path, from_step=2, tensorboard=False)
    again.add(entry(3, loss=0.25), {})
    found = read_log(tmp_path / "log.csv")
    assert [(e.step, e.loss) for e in found] == [(1, 1.0), (2, 1.0), (3, 0.25)]
    assert found[0] == entry(1)


def test_a_line_cut_off_by_a_crash_does_not_count(tmp_path):
    log = Log(tmp_path, from_step=0, tensorboard=False)
    log.add(entry(1), {})
    with (tmp_path / "log.csv").open("a") as file:
        file.write("2,12,0,0.")
    assert read_log(tmp_path / "log.csv") == [entry(1)]
    assert read_log(tmp_path / "none.csv") == []


def test_curves_are_a_picture(tmp_path):
    draw_curves([entry(step, 2 / step) for step in range(1, 200)], tmp_path / "curves.png")
    picture = cv2.imread(str(tmp_path / "curves.png"))
    assert picture.shape[1] > 800
    blue = (picture[..., 0] > 150) & (picture[..., 2] < 60)
    assert blue.sum() > 500
