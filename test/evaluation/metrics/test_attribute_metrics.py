from __future__ import annotations

import pytest

from pixelrefer_ros.evaluation.metrics import Scored, score

NAMES = ("attribute_precision", "attribute_recall")


def test_over_all_items_each_attribute_counts_once():
    items = [
        # states red, a handle and shiny, but no stripe: 2 right of 3 stated, of 3 positives
        Scored(
            "1",
            "A red, shiny mug with a handle. It is red.",
            positive=("red", "a handle", "stripe"),
            negative=("shiny", "lid"),
        ),
        # states nothing: no precision, recall 0 of 1
        Scored("2", "A mug.", positive=("blue",)),
        # 1 wrong, and no positive: precision 0, no recall
        Scored("3", "It has a lid.", negative=("lid",)),
        Scored("4", "A mug."),
    ]
    report = score(items, NAMES)
    assert report.values == {
        "attribute_precision": pytest.approx(2 / 4),
        "attribute_recall": pytest.approx(2 / 4),
    }
    assert report.items == {
        "1": {
            "attribute_precision": pytest.approx(2 / 3),
            "attribute_recall": pytest.approx(2 / 3),
        },
        "2": {"attribute_recall": 0.0},
        "3": {"attribute_precision": 0.0},
    }
    assert report.counts == {"attribute_precision": 2, "attribute_recall": 2}


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("It is light blue.", {"light blue"}),
        ("A blue mug, light blue inside", {"blue", "light blue"}),
        ("It isn't blue.", set()),
        ("not light blue, but blue", {"blue"}),
        ("a mug without blue stripes", set()),
        ("It is not red. Blue!", {"blue"}),
        ("bluish", set()),
        ("It is 1.5 m high", {"1.5 m"}),
        ("", set()),
    ],
)
def test_what_is_stated(text, stated):
    known = ("blue", "light blue", "1.5 m")
    recall = score([Scored("1", text, positive=known)], NAMES).values["attribute_recall"]
    assert recall == pytest.approx(len(stated) / 3)
    for attribute in known:
        others = tuple(other for other in known if other != attribute)
        item = Scored("1", text, positive=(attribute,), negative=others)
        assert score([item], NAMES).values["attribute_recall"] == float(attribute in stated)
