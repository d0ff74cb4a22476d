from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from drawn_shapes import SMALL_MODEL, settings, write_shapes

from pixelrefer_ros.datasets.records import DataFile, read_records
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.model.preprocessing import PreparedSample, RegionSample
from pixelrefer_ros.training.ablations import ablate
from pixelrefer_ros.training.configuration import Model, Rates, Scratch, Start, Weighting
from pixelrefer_ros.training.objective import AnswerObjective
from pixelrefer_ros.training.schedule import freeze, make_optimisers
from pixelrefer_ros.training.start import make_model
from pixelrefer_ros.training.steps import StepPlan, Steps
from pixelrefer_ros.training.variants import VARIANTS

SIDE, RADIUS = 280, 11
PATCH = 14


@pytest.fixture(scope="module")
def model() -> PixelRefer:
    views = Model(local_view_patches=4, global_view_patches=4)
    return make_model(Start(scratch=Scratch(**SMALL_MODEL)), views, ["What is it? A disc."], 0)


def disc(*centre: int) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(mask, centre, RADIUS, 1, -1)
    return mask > 0


def picture(*masks: np.ndarray) -> np.ndarray:
    image = np.full((SIDE, SIDE, 3), 128, np.uint8)
    for mask in masks:
        image[mask] = (220, 30, 30)
    return image


def prepare(model: PixelRefer, image: np.ndarray, mask: np.ndarray) -> PreparedSample:
    return model.prepare(RegionSample([image], [[(0, mask)]], "What is <region>?"))


@torch.no_grad()
def object_tokens(model: PixelRefer, *samples: PreparedSample) -> torch.Tensor:
    """Return what stands for one mask of each sample in the language model, [M, n, D]."""
    return model.object_tokens([s.regions[0] for s in samples], model.encode(samples))


@torch.no_grad()
def untouched_tokens(model: PixelRefer, *samples: PreparedSample) -> torch.Tensor:
    """Return the object tokens of one mask of each sample before OCI, [M, n, C]."""
    views = model.encode(samples)
    regions = [s.regions[0] for s in samples]
    tokens: torch.Tensor = model.object_tokenizer([views[r.object_view] for r in regions], regions)
    return tokens


@pytest.mark.parametrize("name", VARIANTS)
def test_the_prompt_holds_as_many_tokens_as_the_variant_says(model, name):
    mask = disc(140, 140)
    changed = ablate(model, VARIANTS[name])
    sample = prepare(changed, picture(mask), mask)
    expected = {"tokens_1": 1, "tokens_8": 8, "tokens_32": 32, "mask_pooling": 1}.get(name, 16)
    assert (sample.token_ids == changed.prompts.region_id).sum() == expected
    assert object_tokens(changed, sample).shape[1] == expected


@pytest.mark.parametrize("name", ["tokens_1", "tokens_8", "saot", "tokens_32"])
def test_small_objects_are_enlarged_to_as_many_patches_as_there_are_tokens(model, name):
    mask = disc(140, 140)
    region = prepare(ablate(model, VARIANTS[name]), picture(mask), mask).regions[0]
    scale = max(1.0, (VARIANTS[name].tokens * PATCH**2 / mask.sum()) ** 0.5)
    side = 2 * RADIUS + 1 + 2 * round(2 * PATCH / scale)
    rows = int(np.ceil(side * scale / PATCH))
    assert region.object_view.feature_grid == (rows, rows)


@pytest.mark.parametrize("name", VARIANTS)
def test_only_without_context_the_crop_ends_at_the_box(model, name):
    mask = disc(140, 140)
    box = prepare(ablate(model, VARIANTS[name]), picture(mask), mask).regions[0].box
    is_tight = (box.top, box.left) == (140 - RADIUS, 140 - RADIUS)
    is_tight &= (box.bottom, box.right) == (140 + RADIUS, 140 + RADIUS)
    assert is_tight == (name == "no_context")


@pytest.mark.parametrize("name", VARIANTS)
def test_only_without_position_equal_objects_are_equal_everywhere(model, name):
    here, there = disc(70, 70), disc(210, 168)
    changed = ablate(model, VARIANTS[name])
    image = picture(here, there)
    first, second = untouched_tokens(
        changed, prepare(changed, image, here), prepare(changed, image, there)
    )
    are_equal = torch.allclose(first, second, atol=1e-5)
    assert are_equal == (name in ("no_position", "mask_pooling"))


def test_mask_pooling_is_the_mean_of_the_features_under_the_mask(model):
    mask = np.zeros((SIDE, SIDE), bool)
    mask[100:156, 84:126] = True
    changed = ablate(model, VARIANTS["mask_pooling"])
    sample = prepare(
        changed, np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8), mask
    )
    [region] = sample.regions
    # Not enlarged: two patches of context on each side of 4 x 3 patches.
    assert region.object_view.feature_grid == (8, 7)
    assert len(region.cells) == 4 * 3
    with torch.no_grad():
        features = changed.encode([sample])[region.object_view]
    rows, columns = region.cells.astype(int).T
    [pooled] = untouched_tokens(changed, sample)
    torch.testing.assert_close(pooled, features[rows, columns].mean(0, keepdim=True))


@pytest.mark.parametrize("name", VARIANTS)
def test_the_picture_far_away_matters_only_with_global_infusion(model, name):
    mask = disc(70, 70)
    changed = ablate(model, VARIANTS[name])
    other = picture(mask)
    other[200:, 200:] = 255
    plain, blotted = object_tokens(
        changed, prepare(changed, picture(mask), mask), prepare(changed, other, mask)
    )
    are_equal = torch.allclose(plain, blotted, atol=1e-6)
    assert are_equal == (name in ("no_global", "no_infusion"))


@pytest.mark.parametrize("name", VARIANTS)
def test_the_local_view_matters_only_with_local_infusion(model, name):
    mask = disc(70, 70)
    changed = ablate(model, VARIANTS[name])
    sample = prepare(changed, picture(mask), mask)
    [region] = sample.regions
    blotted = prepare(changed, np.zeros((SIDE, SIDE, 3), np.uint8), mask).regions[0]
    other = replace(sample, regions=(replace(region, local_view=blotted.local_view),))
    plain, exchanged = object_tokens(changed, sample, other)
    are_equal = torch.allclose(plain, exchanged, atol=1e-6)
    assert are_equal == (name in ("no_local", "no_infusion"))


def test_the_network_it_is_made_of_stays_whole_and_gives_its_weights(model):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for variant in VARIANTS.values():
        state = ablate(model, variant).state_dict()
        assert all(torch.equal(tensor, before[name]) for name, tensor in state.items())
    after = model.state_dict()
    assert after.keys() == before.keys()
    assert model.config.region_tokens == SMALL_MODEL["region_tokens"]


@pytest.mark.parametrize("name", VARIANTS)
def test_a_step_teaches_every_weight(model, name, tmp_path):
    changed = ablate(model, VARIANTS[name])
    rates = Rates(**settings(tmp_path, tmp_path)["rates"])
    freeze(changed, rates, is_lite=True)
    records = read_records([DataFile(str(write_shapes(tmp_path, 3)))])
    plan = StepPlan(batch=3, micro_batch=3, samples_per_image=1, seed=0)
    [batch] = Steps(records, plan, changed.config, changed.prompts)[0].micro_batches
    objective = AnswerObjective(changed, Weighting.CONVERSATION)
    [optimiser] = make_optimisers(objective, rates, 0.0)
    losses = []
    for _ in range(2):
        totals = objective(batch)
        losses.append(totals.loss.item())
        optimiser.zero_grad()
        totals.loss.backward()
        for weight_name, weight in changed.named_parameters():
            if weight.requires_grad:
                assert weight.grad is not None, weight_name
                assert weight.grad.isfinite().all(), weight_name
        optimiser.step()
    assert np.isfinite(losses).all()
    assert losses[1] < losses[0]


def test_the_full_model_has_no_infusion_to_leave_out(full_model):
    assert ablate(full_model, VARIANTS["no_position"]).object_infusion is None
    with pytest.raises(CommandError, match=r"a PixelRefer has no global_to_object to leave out"):
        ablate(full_model, VARIANTS["no_global"])
