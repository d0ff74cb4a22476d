from __future__ import annotations

import pytest

from pixelrefer_ros.errors import CheckpointError
from pixelrefer_ros.resources import DEFAULT_MODEL, find_config, find_demo, find_model


def test_the_default_model_ships_with_the_package():
    assert find_model().endswith(DEFAULT_MODEL)


def test_a_folder_is_taken_as_it_is(tmp_path):
    assert find_model(str(tmp_path)) == str(tmp_path)


def test_a_shipped_model_is_found_by_its_name():
    assert find_model("random-tiny").endswith("models/random-tiny")


def test_a_hub_id_is_left_to_the_loader():
    assert find_model("owner/name") == "owner/name"


def test_a_model_that_is_nowhere_is_named_with_the_places_looked_at():
    with pytest.raises(CheckpointError, match=r"model is 'no-such-model': .*models"):
        find_model("no-such-model")


def test_configuration_is_found():
    assert find_config("perception.yaml").is_file()
    with pytest.raises(FileNotFoundError, match=r"config/nothing\.yaml"):
        find_config("nothing.yaml")


def test_the_demo_is_found():
    assert (find_demo("table_top") / "metadata.yaml").is_file()
    with pytest.raises(FileNotFoundError, match="demo/nothing in none of"):
        find_demo("nothing")
