from __future__ import annotations

from pixelrefer_ros.engine.encoders.buckets import bucket_lengths
from pixelrefer_ros.engine.encoders.tensorrt_runtime import choose_profile
from pixelrefer_ros.export.tensorrt_profiles import Profile, optimisation_profiles


def test_profiles_of_the_lite_model(tiny_model):
    assert optimisation_profiles(tiny_model.config) == [
        Profile("local", (1, 256), (4, 256), (16, 256)),
        Profile("global", (1, 576), (1, 576), (8, 576)),
        Profile("objects", (1, 64), (4, 256), (16, 1024)),
        Profile("large", (1, 1024), (1, 4096), (1, 8192)),
    ]


def test_every_bucket_has_a_profile(tiny_model, full_model):
    for model in (tiny_model, full_model):
        profiles = optimisation_profiles(model.config)
        limits = [(profile.smallest, profile.largest) for profile in profiles]
        chosen = [
            profiles[choose_profile(limits, length)[0]].name
            for length in bucket_lengths(model.config)
        ]
        assert "objects" in chosen
        assert chosen[-1] == "large"


def test_sizes_ascend(tiny_model, full_model):
    for model in (tiny_model, full_model):
        for _, *sizes in optimisation_profiles(model.config):
            for axis in zip(*sizes, strict=True):
                assert list(axis) == sorted(axis)
