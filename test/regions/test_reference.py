from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelrefer_ros.errors import EmptyMaskError, InvalidRegionError, PixelReferError
from pixelrefer_ros.regions import reference
from pixelrefer_ros.regions.reference import CROSSINGS_AT_ONCE, MAX_POLYGON_POINTS, Region

HEIGHT, WIDTH = 6, 8


def drawn(*rows: str) -> np.ndarray:
    """Return the mask drawn with `#`."""
    return np.array([[pixel == "#" for pixel in row] for row in rows])


def mask_of(**region) -> np.ndarray:
    mask = Region(**region).to_mask(HEIGHT, WIDTH)
    assert mask.dtype == np.bool_
    assert mask.flags.c_contiguous
    assert mask.flags.writeable
    return mask


def test_box():
    expected = drawn(
        "........",
        ".###....",
        ".###....",
        "........",
        "........",
        "........",
    )
    assert np.array_equal(mask_of(box=(1, 1, 3, 2)), expected)


def test_box_of_the_whole_image_and_of_one_corner_pixel():
    assert mask_of(box=(0, 0, WIDTH, HEIGHT)).all()
    corner = mask_of(box=(WIDTH - 1, HEIGHT - 1, 1, 1))
    assert corner[-1, -1]
    assert corner.sum() == 1


def test_box_of_numpy_numbers():
    box = tuple(np.array([1, 1, 3, 2], np.int32))
    assert mask_of(box=box).sum() == 6


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int32, np.uint16])
def test_mask_of_the_image(dtype):
    inside = np.zeros((HEIGHT, WIDTH), dtype)
    inside[2, 3] = inside[5, 7] = 1
    assert np.array_equal(mask_of(mask=inside), inside.astype(bool))


def test_every_value_but_zero_is_inside():
    values = np.zeros((HEIGHT, WIDTH), np.int16)
    values[0, :4] = (1, 255, -1, 256)
    assert mask_of(mask=values).sum() == 4


def test_mask_may_lie_in_memory_as_it_likes():
    inside = np.zeros((WIDTH, HEIGHT), np.uint8).T
    inside[1, 2] = 1
    assert np.argwhere(mask_of(mask=inside)).tolist() == [[1, 2]]
    assert np.argwhere(mask_of(mask=inside[::-1])).tolist() == [[4, 2]]


def test_the_caller_keeps_its_mask():
    inside = np.ones((HEIGHT, WIDTH), np.bool_)
    mask_of(mask=inside)[:] = False
    assert inside.all()


def test_mask_inside_a_box():
    inside = np.array([[1, 0, 1], [0, 1, 0]], np.uint8)
    expected = drawn(
        "........",
        "........",
        "........",
        "....#.#.",
        ".....#..",
        "........",
    )
    assert np.array_equal(mask_of(box=(4, 3, 3, 2), mask=inside), expected)


def test_polygon_through_the_corners_of_a_box_covers_the_box():
    corners = [(1, 1), (4, 1), (4, 3), (1, 3)]
    for points in (corners, corners[::-1], corners[2:] + corners[:2]):
        assert np.array_equal(mask_of(polygon=points), mask_of(box=(1, 1, 3, 2)))
    assert mask_of(polygon=[(0, 0), (WIDTH, 0), (WIDTH, HEIGHT), (0, HEIGHT)]).all()


def test_a_pixel_belongs_to_a_polygon_when_its_centre_does():
    # The diagonal from (0, 0) to (6, 6) passes through the centres of the diagonal pixels, which
    # therefore lie on the upper edge of the triangle below it: inside.
    triangle = mask_of(polygon=[(0, 0), (6, 6), (0, 6)])
    expected = drawn(
        "#.......",
        "##......",
        "###.....",
        "####....",
        "#####...",
        "######..",
    )
    assert np.array_equal(triangle, expected)


def test_polygon_with_fractions():
    # Columns 1 to 4 have their centres between 1.4 and 5.4, rows 2 and 3 between 1.6 and 4.4.
    expected = drawn(
        "........",
        "........",
        ".####...",
        ".####...",
        "........",
        "........",
    )
    assert np.array_equal(
        mask_of(polygon=[(1.4, 1.6), (5.4, 1.6), (5.4, 4.4), (1.4, 4.4)]), expected
    )


def test_concave_polygon():
    expected = drawn(
        "........",
        ".##..##.",
        ".##..##.",
        ".######.",
        "........",
        "........",
    )
    points = [(1, 1), (3, 1), (3, 3), (5, 3), (5, 1), (7, 1), (7, 4), (1, 4)]
    assert np.array_equal(mask_of(polygon=points), expected)


def test_what_a_polygon_encloses_twice_is_outside():
    twice = [(0, 0), (6, 0), (6, 6), (0, 6), (0, 0), (2, 2), (4, 2), (4, 4), (2, 4), (2, 2)]
    mask = mask_of(polygon=twice)
    assert mask.sum() == 36 - 4
    assert not mask[2:4, 2:4].any()


def test_polygons_that_share_an_edge_share_no_pixel():
    left = mask_of(polygon=[(0, 0), (3.3, 0), (5.1, 6), (0, 6)])
    right = mask_of(polygon=[(3.3, 0), (8, 0), (8, 6), (5.1, 6)])
    assert not (left & right).any()
    assert (left | right).all()


def test_polygon_may_be_an_array():
    points = np.array([[1, 1], [4, 1], [4, 3], [1, 3]], np.float32)
    assert mask_of(polygon=points).sum() == 6


def zigzag(points: int, height: int, width: int) -> np.ndarray:
    """Return a polygon each edge of which crosses every column of an image."""
    down = np.linspace(0, height, points)
    return np.stack([np.where(np.arange(points) % 2, width, 0.0), down], axis=1)


def test_a_polygon_of_many_long_edges_takes_no_more_memory_than_one_of_few():
    height, width = 300, 400
    bytes_held = []
    for points in (2 * CROSSINGS_AT_ONCE // width, MAX_POLYGON_POINTS):
        polygon = Region(polygon=zigzag(points, height, width))
        tracemalloc.start()
        polygon.to_mask(height, width)
        bytes_held.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    few, many = bytes_held
    assert many < few + 2_000_000  # the points themselves; all crossings at once take 225 MB
    assert many < 100 * CROSSINGS_AT_ONCE


def test_a_polygon_filled_in_parts_is_the_same(monkeypatch):
    polygon = Region(polygon=zigzag(301, 60, 80))
    whole = polygon.to_mask(60, 80)
    monkeypatch.setattr(reference, "CROSSINGS_AT_ONCE", 80 * 7)
    assert np.array_equal(polygon.to_mask(60, 80), whole)
    assert 0 < whole.sum() < whole.size


fractions = st.floats(0, 1)


@given(st.lists(st.tuples(fractions, fractions), min_size=3, max_size=12))
def test_polygon_agrees_with_counting_crossings_pixel_by_pixel(relative):
    points = [(x * WIDTH, y * HEIGHT) for x, y in relative]

    def inside(x: float, y: float) -> bool:
        odd = False
        for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1], strict=True):
            if (x0 < x) != (x1 < x):
                (left, left_y), (right, right_y) = sorted([(x0, y0), (x1, y1)])
                odd ^= left_y + (x - left) / (right - left) * (right_y - left_y) <= y
        return odd

    # Centres on a left edge are inside, and `inside` counts them to the right: shift by a hair.
    expected = [[inside(np.nextafter(i + 0.5, 9), j + 0.5) for i in range(8)] for j in range(6)]
    try:
        mask = mask_of(polygon=points)
    except EmptyMaskError:
        mask = np.zeros((HEIGHT, WIDTH), bool)
    # Rounding may differ for a centre that lies on an edge to the last digit.
    assert (mask != expected).sum() <= 1


@pytest.mark.parametrize(
    ("region", "message"),
    [
        ({}, "no box, polygon or mask is given"),
        ({"box": (0, 0, 0, 0)}, "box width is 0, must be at least 1 pixel"),
        ({"box": (0, 0, 3, -2)}, "box height is -2, must be at least 1 pixel"),
        ({"box": (6, 0, 3, 2)}, "box covers x 6 to 9, the image x 0 to 8"),
        ({"box": (-1, 0, 3, 2)}, "box covers x -1 to 2, the image x 0 to 8"),
        ({"box": (0, 5, 3, 2)}, "box covers y 5 to 7, the image y 0 to 6"),
        ({"box": (0, 0, 2**40, 2)}, "box covers x 0 to 1099511627776, the image x 0 to 8"),
        ({"box": (0.5, 0, 3, 2)}, "box is (0.5, 0, 3, 2), needs 4 whole numbers"),
        ({"box": (float("nan"), 0, 3, 2)}, "needs 4 whole numbers"),
        ({"box": (0, 0, 3)}, "box is (0, 0, 3), needs 4 whole numbers x, y, width, height"),
        ({"box": (0, 0, 3, 2), "polygon": [(0, 0)] * 3}, "polygon is given together with box"),
        ({"mask": np.ones((6, 8)), "polygon": [(0, 0)] * 3}, "polygon is given together with"),
        ({"polygon": []}, "polygon has 0 points, needs 3 to 10000"),
        ({"polygon": [(0, 0), (5, 5)]}, "polygon has 2 points, needs 3 to 10000"),
        ({"polygon": [(0, 0)] * (MAX_POLYGON_POINTS + 1)}, "polygon has 10001 points"),
        ({"polygon": [(0, 0), (9, 1), (1, 5)]}, "polygon[1] is (9, 1), the image reaches from"),
        ({"polygon": [(0, 0), (1, 1), (1, -0.1)]}, "polygon[2] is (1, -0.1)"),
        ({"polygon": [(float("nan"), 0), (1, 1), (1, 5)]}, "polygon[0] is (nan, 0)"),
        ({"polygon": [(0, 0), (float("inf"), 1), (1, 5)]}, "polygon[1] is (inf, 1)"),
        ({"polygon": [(0, 0), (1e300, 1), (1, 5)]}, "polygon[1] is (1e+300, 1)"),
        ({"polygon": [(0, 0), (1,), (1, 5)]}, "polygon is not a list of (x, y)"),
        ({"polygon": [(0, 0, 1), (1, 1, 1), (1, 5, 1)]}, "polygon has shape [3, 3]"),
        ({"polygon": ["a", "b", "c"]}, "polygon is not a list of (x, y)"),
        ({"mask": np.ones((8, 6), bool)}, "mask is 6 x 8 pixels, the image is 8 x 6"),
        ({"mask": np.ones((6, 8, 1), bool)}, "mask has 3 dimensions [6, 8, 1], must have 2"),
        ({"mask": np.ones((6, 8), np.float32)}, "mask has dtype float32, must be bool or integer"),
        (
            {"box": (1, 1, 3, 2), "mask": np.ones((6, 8), bool)},
            "mask is 8 x 6 pixels, the box is 3 x 2",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_name_value_and_limit(region, message):
    with pytest.raises(InvalidRegionError) as error:
        Region(**region).to_mask(HEIGHT, WIDTH, name="regions[2]")
    assert str(error.value).startswith("regions[2]: ")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("region", "message"),
    [
        ({"mask": np.zeros((6, 8), bool)}, "mask covers 0 pixels"),
        ({"box": (0, 0, 2, 1), "mask": np.zeros((1, 2), np.uint8)}, "mask covers 0 pixels"),
        ({"polygon": [(1.1, 0), (1.4, 0), (1.4, 6), (1.1, 6)]}, "polygon covers 0 pixels"),
        ({"polygon": [(0, 0), (8, 6), (0, 0)]}, "polygon covers 0 pixels"),
        ({"polygon": [(2, 2)] * 3}, "polygon covers 0 pixels"),
    ],
)
def test_nothing_covered(region, message):
    with pytest.raises(EmptyMaskError) as error:
        Region(**region).to_mask(HEIGHT, WIDTH, name="regions[0]")
    assert str(error.value) == f"regions[0]: {message}, at least 1 is needed"


numbers = st.integers(-3, 12) | st.integers() | st.floats()
boxes = st.none() | st.lists(numbers, max_size=5).map(tuple)
polygons = st.none() | st.lists(st.tuples(numbers, numbers), max_size=6)


@given(boxes, polygons)
def test_any_region_becomes_a_mask_or_is_refused(box, polygon):
    try:
        mask = mask_of(box=box, polygon=polygon)
    except PixelReferError:
        return
    assert mask.shape == (HEIGHT, WIDTH)
    assert mask.any()


def test_points_in_a_box_are_checked_and_the_box_is_filled():
    assert mask_of(box=(1, 1, 3, 2), points=[(2.0, 2.0)]).sum() == 6


@pytest.mark.parametrize(
    ("region", "message"),
    [
        (
            {"points": [(2, 2)]},
            "region: points need a segmenter: choose grabcut or sam2, or point with a box, "
            "polygon or mask",
        ),
        ({"points": []}, "region: points has 0 points, needs 1 to 100"),
        (
            {"points": [(2, 2), (9, 1)]},
            "region: points[1] is (9, 1), the image reaches from (0, 0) to (8, 6)",
        ),
        (
            {"points": [(float("nan"), 1)]},
            "region: points[0] is (nan, 1), the image reaches from (0, 0) to (8, 6)",
        ),
        (
            {"points": [(2, 2), (5, 2)], "box": (1, 1, 3, 2)},
            "region: points[1] is (5, 2), the box reaches from (1, 1) to (4, 3)",
        ),
        (
            {"points": [(2, 2)], "polygon": [(0, 0), (4, 0), (4, 4)]},
            "region: points are given together with polygon or mask, only with box they may be",
        ),
    ],
)
def test_points_that_are_of_no_use(region, message):
    with pytest.raises(InvalidRegionError) as error:
        mask_of(**region)
    assert str(error.value) == message
