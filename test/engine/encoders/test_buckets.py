from __future__ import annotations

from dataclasses import replace

import pytest

from pixelrefer_ros.engine.encoders.buckets import Batch, bucket_lengths, make_batches
from pixelrefer_ros.errors import InferenceError


def test_the_square_views_have_buckets_of_their_own(tiny_model):
    lengths = bucket_lengths(tiny_model.config)
    assert lengths == (64, 128, 256, 512, 576, 1024, 2048, 4096, 8192)
    small = replace(tiny_model.config, local_view_patches=8, global_view_patches=12)
    assert 144 in bucket_lengths(small)
    assert 576 not in bucket_lengths(small)


def test_merged_frames_of_a_video_fit(full_model):
    assert bucket_lengths(full_model.config)[-1] == 4 * full_model.config.patch_budget


def test_views_go_into_the_smallest_bucket_that_holds_them():
    batches = make_batches([64, 65, 1, 128, 129], (64, 128, 256), lambda length: 8)
    assert batches == [Batch((0, 2), 64), Batch((1, 3), 128), Batch((4,), 256)]


def test_a_large_bucket_is_split():
    batches = make_batches([10] * 5, (16, 32), {16: 2}.__getitem__)
    assert [batch.members for batch in batches] == [(0, 1), (2, 3), (4,)]


def test_a_view_larger_than_all_buckets_is_refused():
    with pytest.raises(
        InferenceError, match="has 33 patches, the exported encoder takes at most 32"
    ):
        make_batches([33], (16, 32), lambda length: 1)
