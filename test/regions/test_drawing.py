from __future__ import annotations

import numpy as np

from pixelrefer_ros.regions.drawing import COLOURS, draw_regions


def square() -> np.ndarray:
    mask = np.zeros((80, 100), bool)
    mask[30:60, 40:70] = True
    return mask


def test_the_region_is_tinted_and_the_rest_is_left_alone():
    image = np.full((80, 100, 3), 100, np.uint8)
    drawn = draw_regions(image, [square()], [""])
    assert drawn.shape == image.shape
    assert drawn[45, 55, 0] > 100 > drawn[45, 55, 1]
    assert (drawn[:25] == 100).all()
    assert (drawn[30, 50] == COLOURS[0]).all(), "the outline has the full colour"
    assert (image == 100).all(), "the input is not drawn upon"


def test_regions_have_colours_of_their_own():
    image = np.zeros((80, 100, 3), np.uint8)
    drawn = draw_regions(image, [square(), np.roll(square(), -25, axis=0)], ["", ""])
    assert (drawn[30, 50] != drawn[5, 50]).any()


def test_a_label_stands_above_its_region_and_inside_the_picture():
    image = np.zeros((80, 100, 3), np.uint8)
    labelled = draw_regions(image, [square()], ["cup"])
    plain = draw_regions(image, [square()], [""])
    changed = np.argwhere((labelled != plain).any(axis=-1))
    assert changed[:, 0].max() <= 30
    top = np.roll(square(), -30, axis=0)
    assert (draw_regions(image, [top], ["cup"]) != draw_regions(image, [top], [""])).any()


def test_a_long_caption_is_wrapped_below_the_picture():
    image = np.zeros((80, 100, 3), np.uint8)
    one = draw_regions(image, [square()], [""], caption="a cup")
    many = draw_regions(image, [square()], [""], caption="a red cup that stands on the table " * 3)
    assert 80 < one.shape[0] < many.shape[0]
    assert one.shape[1] == many.shape[1] == 100
    assert one[80:].max() > 200


def test_a_word_wider_than_the_picture_is_broken():
    image = np.zeros((80, 100, 3), np.uint8)
    short = draw_regions(image, [square()], [""], caption="word")
    long = draw_regions(image, [square()], [""], caption="word" * 20)
    assert long.shape[0] > 2 * short.shape[0] - 80
