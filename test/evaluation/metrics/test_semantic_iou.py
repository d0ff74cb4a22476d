from __future__ import annotations

import pytest

from pixelrefer_ros.evaluation.metrics import Scored, score


@pytest.mark.parametrize(
    ("prediction", "truth", "expected"),
    [
        ("cutting board", "cutting_board", 1.0),
        ("board", "cutting_board", 1 / 2),  # board of {cutting, board}
        ("A red mug.", "mug", 1 / 3),  # mug of {a, red, mug}
        ("mug: handle", "mug:handle", 1.0),
        ("mug", "mug_(cup)", 1 / 2),
        ("board board", "board", 1.0),
        ("", "mug", 0.0),
    ],
)
def test_words_in_common_of_all_words(prediction, truth, expected):
    report = score([Scored("1", prediction, category=truth)], ["siou"])
    assert report.values["siou"] == pytest.approx(expected)


def test_the_nearest_reference_counts_where_there_is_no_category():
    items = [
        Scored("1", "a red cup", references=("a mug", "a red mug")),  # 1/4 and 2/4
        Scored("2", "vase", category="vase", references=("pot",)),
        Scored("3", "vase"),
    ]
    report = score(items, ["siou"])
    assert report.items == {"1": {"siou": 0.5}, "2": {"siou": 1.0}}
    assert report.values == {"siou": 0.75}
    assert report.counts == {"siou": 2}
