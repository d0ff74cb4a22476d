from __future__ import annotations

from pathlib import Path

import pytest
import torch
from region_masks import rectangle
from torch.utils._python_dispatch import TorchDispatchMode

from pixelrefer_ros.model import random_weights
from pixelrefer_ros.model.preprocessing import RegionSample
from pixelrefer_ros.model.random_weights import CONFIGS, make_random_model, tabletop_config
from pixelrefer_ros.training.configuration import read_config
from pixelrefer_ros.training.start import make_model

CONFIG = Path(__file__).resolve().parents[2] / "config" / "training" / "tabletop_words.yaml"


@pytest.fixture(scope="module")
def tabletop():
    return make_random_model("tabletop", dtype=torch.bfloat16)


@pytest.mark.parametrize(
    ("name", "is_lite", "width"),
    [("lite-2b", True, 1536), ("lite-7b", True, 3584), ("2b", False, 1536), ("7b", False, 3584)],
)
def test_released_sizes(name, is_lite, width):
    config = CONFIGS[name]()
    assert config.is_lite is is_lite
    assert config.language.hidden_size == width


def test_the_tabletop_is_the_one_that_is_trained():
    training = read_config(CONFIG)
    trained = make_model(training.start, training.model, ["red mug"], seed=0).config.to_dict()
    ours = tabletop_config().to_dict()
    # How many words the texts of the training hold is not known here.
    assert {k: v for k, v in ours.items() if k != "vocab_size"} == {
        k: v for k, v in trained.items() if k != "vocab_size"
    }


def test_weights_are_random_and_of_the_type_asked_for(tabletop):
    assert {parameter.dtype for parameter in tabletop.parameters()} == {torch.bfloat16}
    assert tabletop.model_id == "tabletop (random weights)"
    weight = tabletop.vision_encoder.encoder.layers[0].mlp.fc1.weight.float()
    assert weight.std().item() == pytest.approx(weight.shape[1] ** -0.5, rel=0.02)
    assert (tabletop.language_model.model.norm.weight == 1).all()
    assert (tabletop.region_projector[0].bias == 0).all()
    again = make_random_model("tabletop", dtype=torch.bfloat16)
    assert again.projector[0].weight.equal(tabletop.projector[0].weight)


class LongTensors(TorchDispatchMode):
    """Remembers the size of the largest real tensor of float32 or longer that is made."""

    largest = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        is_real = isinstance(result, torch.Tensor) and result.device.type != "meta"
        if is_real and result.dtype in (torch.float32, torch.float64):
            self.largest = max(self.largest, result.numel())
        return result


def test_no_copy_in_a_longer_type_is_made():
    with LongTensors() as made:
        make_random_model("tabletop", dtype=torch.bfloat16)
    assert 0 < made.largest < 1000  # the frequencies of the rotary positions


def test_all_words_have_a_name():
    config = CONFIGS["lite-2b"]()
    tokenizer = random_weights._tokenizer(config.language.vocab_size)
    assert tokenizer.get_vocab_size() == config.language.vocab_size
    assert tokenizer.decode([150000, 150001]) == "[150000][150001]"


def test_what_it_computes_is_finite(tabletop, image):
    mask = rectangle(*image.shape[:2], (20, 80), (30, 90))
    sample = tabletop.prepare(RegionSample([image], [[(0, mask)]], "What is <region>?"))
    with torch.inference_mode():
        [embeds] = tabletop.infuse([sample], tabletop.encode([sample]))
        logits = tabletop.language_model(inputs_embeds=embeds[None]).logits
    assert logits.isfinite().all()
