from __future__ import annotations

import warnings

import numpy as np
import pytest
from PIL import Image

from pixelrefer_ros.engine.query import ArrayFrame, Query
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.inspection.inspection import inspect
from pixelrefer_ros.inspection.object_figure import DIMMED, tint_patches
from pixelrefer_ros.inspection.output import make_folder, write_inspections
from pixelrefer_ros.regions.reference import Region

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def inspections(model, picture):
    """A joint question, with words that matplotlib would take for a formula."""
    regions = [
        Region(box=(20, 20, 60, 50), object_id="$x_{"),
        Region(box=(90, 40, 1, 1), object_id="a\nb"),
    ]
    query = Query([ArrayFrame(picture)], regions, "$<region>$ or\n\\frac <region>?")
    return inspect(model, query, max_new_tokens=12)


def test_pictures_and_numbers(model, inspections, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        files = write_inspections(inspections, model, tmp_path)
    assert [file.name for file in files] == [
        "attention_1.png",
        "object_1.png",
        "similarity_1.png",
        "object_2.png",
        "similarity_2.png",
        "inspect.json",
    ]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    for file in files[:-1]:
        colours = Image.open(file).convert("RGB").getcolors(2**24)
        assert len(colours) > 50, f"{file.name} is blank"


def test_each_object_token_has_its_colour(inspections):
    tokens = inspections[0].objects[0]
    tinted = tint_patches(tokens)
    image = tokens.crop.image
    assert tinted.shape == image.shape
    colours = {}
    patches = {(row, column) for row, column in tokens.cells}
    for row, column in np.ndindex(tokens.crop.grid.shape):
        window = np.s_[14 * row : 14 * row + 14, 14 * column : 14 * column + 14]
        if (row, column) not in patches:
            assert np.array_equal(tinted[window], (image[window] * DIMMED).astype(np.uint8))
    for (row, column), token in zip(tokens.cells, tokens.token_of, strict=True):
        y, x = 14 * row + 7, 14 * column + 7
        colour = np.round((tinted[y, x] - image[y, x] * 0.4) / 0.6)
        before = colours.setdefault(token, colour)
        assert np.abs(colour - before).max() <= 2
    seen = np.array(list(colours.values()))
    distances = np.abs(seen[:, None] - seen[None]).max(2)
    assert (distances[~np.eye(len(seen), dtype=bool)] > 5).all(), "two tokens look the same"


def test_a_pixel_enlarged_to_hundreds_of_patches_is_drawn_small(inspections):
    tokens = inspections[0].objects[1]
    assert max(tokens.crop.image.shape) > 4000
    assert max(tint_patches(tokens).shape) <= 1000


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(CommandError, match=rf"--out '{folder}' cannot be written: "):
            make_folder(folder)
