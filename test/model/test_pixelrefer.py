from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from region_masks import rectangle

from pixelrefer_ros.model.compatibility import Framework
from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.model.preprocessing import PreparedSample, RegionSample

MASKS = [
    rectangle(120, 160, (20, 60), (30, 80)),
    rectangle(120, 160, (70, 110), (90, 150)),
    rectangle(120, 160, (60, 62), (80, 82)),
]
QUESTION = "What is <region>?"


@torch.inference_mode()
def embeds_of(model: PixelRefer, *samples: PreparedSample) -> list[torch.Tensor]:
    return model.infuse(samples, model.encode(samples))


def one(model: PixelRefer, image: np.ndarray, mask: np.ndarray) -> PreparedSample:
    return model.prepare(RegionSample([image], [[(0, mask)]], QUESTION))


@pytest.mark.parametrize("framework", ["lite", "full"])
def test_a_region_alone_and_in_a_batch(request, image, framework):
    model = request.getfixturevalue(framework)
    turned = np.ascontiguousarray(image[::-1])
    samples = [one(model, image, mask) for mask in MASKS] + [one(model, turned, MASKS[0])]
    together = embeds_of(model, *samples)
    for sample, embeds in zip(samples, together, strict=True):
        (alone,) = embeds_of(model, sample)
        torch.testing.assert_close(embeds, alone, atol=1e-5, rtol=0)


def test_questions_with_different_patch_budgets_in_one_batch(lite, image):
    many = lite.prepare(RegionSample([image], [[(0, MASKS[0])]] * 20, "<region>" * 20))
    few = one(lite, image, MASKS[1])
    together = embeds_of(lite, many, few)
    torch.testing.assert_close(together[1], embeds_of(lite, few)[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(together[0], embeds_of(lite, many)[0], atol=1e-5, rtol=0)


def test_a_whole_image_is_encoded_once(lite, image):
    calls: list[int] = []
    hook = lite.vision_encoder.register_forward_pre_hook(
        lambda module, arguments, named: calls.append(len(named["grid_thw"])), with_kwargs=True
    )
    views = lite.encode([one(lite, image, mask) for mask in MASKS])
    hook.remove()
    # One packed pass: three objects, three local views, one global view.
    assert calls == [7]
    samples = [one(lite, image, mask) for mask in MASKS[:1]]
    assert views[samples[0].regions[0].global_view].shape == (24, 24, 64)


def test_a_region_several_questions_are_about_is_tokenized_once(lite, image):
    sample, other = (one(lite, image, mask) for mask in MASKS[:2])
    calls: list[int] = []
    hook = lite.object_tokenizer.register_forward_pre_hook(
        lambda module, arguments: calls.append(len(arguments[1]))
    )
    first, between, again = embeds_of(lite, sample, other, replace(sample))
    hook.remove()
    assert calls == [2]
    assert torch.equal(first, again)
    assert not torch.equal(first, between)


def test_packed_images_do_not_attend_to_each_other(lite, image):
    samples = [one(lite, image, mask) for mask in MASKS]
    together = lite.encode(samples)
    for sample in samples:
        view = sample.regions[0].object_view
        alone = lite.encode([replace(sample, regions=sample.regions[:1])])
        torch.testing.assert_close(together[view], alone[view], atol=1e-5, rtol=0)


def test_each_object_sees_its_own_surroundings(lite, image):
    joint = RegionSample([image], [[(0, MASKS[0])], [(0, MASKS[1])]], "<region> and <region>")
    twice = RegionSample([image, image.copy()], [[(0, MASKS[0])], [(1, MASKS[1])]], joint.question)
    torch.testing.assert_close(
        embeds_of(lite, lite.prepare(joint))[0],
        embeds_of(lite, lite.prepare(twice))[0],
        atol=1e-5,
        rtol=0,
    )


def test_text_and_image_questions_without_objects(full, image):
    text = full.prepare(RegionSample([], [], "What is a region?"))
    picture = full.prepare(RegionSample([image], [], "What is this?"))
    embeds = embeds_of(full, text, picture)
    assert [len(e) for e in embeds] == [len(text.token_ids), len(picture.token_ids)]
    words = full.language_model.get_input_embeddings()(torch.from_numpy(text.token_ids))
    assert torch.equal(embeds[0], words)


@pytest.mark.parametrize("framework", list(Framework))
@pytest.mark.parametrize("compat", ["official", "paper"])
@pytest.mark.parametrize(
    "dimensions",
    [
        {"region_tokens": 8, "tie_word_embeddings": True},
        {"region_tokens": 5, "vision_width": 80, "language_width": 56, "vision_layers": 1},
        {"patch_budget": 300, "vision_width": 48, "language_width": 72, "vocabulary": 300},
    ],
)
def test_nothing_depends_on_the_usual_dimensions(
    random_model, image, framework, compat, dimensions
):
    model = random_model(framework=framework, compat=compat, **dimensions)
    sample = one(model, image, MASKS[0])
    (embeds,) = embeds_of(model, sample)
    assert embeds.shape == (len(sample.token_ids), model.config.language.hidden_size)
    count = int((sample.token_ids == model.prompts.region_id).sum())
    assert count == dimensions.get("region_tokens", 32)
    rows = embeds[torch.from_numpy(sample.token_ids == model.prompts.region_id)]
    assert torch.isfinite(embeds).all()
    assert len(torch.unique(rows, dim=0)) == count


@pytest.mark.parametrize("compat", ["official", "paper"])
def test_an_object_over_time(random_model, image, compat):
    model = random_model(compat=compat, region_tokens=4)
    track = [(0, MASKS[0]), (1, MASKS[1])]
    sample = RegionSample([image, image[::-1]], [track], QUESTION, times=[0.0, 0.5])
    prepared = model.prepare(sample)
    assert "[Time 0.0:<REGION><REGION><REGION><REGION>,Time 0.5:" in model.tokenizer.decode(
        prepared.token_ids.tolist(), skip_special_tokens=False
    )
    (embeds,) = embeds_of(model, prepared)
    assert len(embeds) == len(prepared.token_ids)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_other_number_types(lite, goldens, image, dtype):
    model = PixelRefer.from_pretrained(goldens / "lite_tiny" / "checkpoint", dtype=dtype)
    (exact,) = embeds_of(lite, one(lite, image, MASKS[0]))
    (embeds,) = embeds_of(model, one(model, image, MASKS[0]))
    assert embeds.dtype == dtype
    assert model.language_model.model.rotary_emb.inv_freq.dtype == torch.float32
    similarity = torch.cosine_similarity(embeds.float(), exact, dim=1)
    assert similarity.min() > 0.95


def test_prepare_from_several_threads(lite, image):
    with ThreadPoolExecutor(4) as pool:
        prepared = list(pool.map(lambda mask: one(lite, image, mask), MASKS * 8))
    for sample, mask in zip(prepared, MASKS * 8, strict=True):
        assert np.array_equal(sample.token_ids, one(lite, image, mask).token_ids)
        assert np.array_equal(sample.regions[0].cells, one(lite, image, mask).regions[0].cells)


@pytest.mark.parametrize("framework", ["lite", "full"])
def test_saved_and_loaded_again(request, tmp_path, framework):
    model = request.getfixturevalue(framework)
    model.save_pretrained(tmp_path / "copy")
    copy = PixelRefer.from_pretrained(tmp_path / "copy")
    assert copy.config.to_dict() == model.config.to_dict()
    assert copy.config.image_processor == model.config.image_processor
    assert (copy.eos_token_ids, copy.repetition_penalty) == (
        model.eos_token_ids,
        model.repetition_penalty,
    )
    for name, tensor in model.official_tensors().items():
        assert torch.equal(copy.official_tensors()[name], tensor), name


def test_who_may_read_the_configuration_may_read_the_weights(lite, tmp_path):
    lite.save_pretrained(tmp_path)
    modes = {(tmp_path / name).stat().st_mode for name in ("config.json", "model.safetensors")}
    assert len(modes) == 1


def test_everything_of_saot_and_oci_learns(random_model, image):
    model = random_model(compat="paper", region_tokens=4)
    sample = one(model, image, MASKS[0])
    (embeds,) = model.infuse([sample], model.encode([sample]))
    embeds.square().sum().backward()
    unused = ("projector.", "mask_embedding.", "language_model.")
    for name, parameter in model.named_parameters():
        if not name.startswith(unused):
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name


def test_model_id(tiny_model, lite):
    assert tiny_model.model_id == "random-tiny (random weights)"
    assert lite.model_id == "checkpoint"
