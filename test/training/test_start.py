from __future__ import annotations

import json

import pytest
import torch
from drawn_shapes import SMALL_MODEL
from safetensors.torch import load_file, save_file
from transformers import VideoLlama3Config, VideoLlama3ForConditionalGeneration

from pixelrefer_ros.errors import CheckpointError
from pixelrefer_ros.model.compatibility import Framework
from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.model.random_model import SENTENCES, train_tokenizer
from pixelrefer_ros.training.configuration import Model, Scratch, Start
from pixelrefer_ros.training.start import from_videollama3, make_model

SMALL = Scratch(**SMALL_MODEL)
WIDER = {"vision_width": 192, "vision_heads": 6, "language_width": 192, "language_heads": 6}
OURS = {
    "model.vision_model.": "vision_encoder.",
    "model.projector.readout.": "projector.",
    "lm_head.": "language_model.lm_head.",
    "model.language_model.": "language_model.model.",
}


def test_from_scratch_is_the_same_for_the_same_seed():
    models = [make_model(Start(scratch=SMALL), Model(), ["red disc"], seed) for seed in (0, 0, 1)]
    first, second, other = (m.official_tensors() for m in models)
    assert all((first[name] == second[name]).all() for name in first)
    assert not all((first[name] == other[name]).all() for name in first)
    assert models[0].config.region_tokens == 4
    assert models[0].config.compat == "paper"


def test_narrow_layers_start_with_wide_weights():
    model = make_model(Start(scratch=SMALL), Model(), ["a"], 0)
    for layer in (model.vision_encoder.encoder.layers[0], model.language_model.model.layers[0]):
        deviation = layer.self_attn.q_proj.weight.std().item()
        assert deviation == pytest.approx((3 * 32) ** -0.5, rel=0.15)


def test_the_middle_of_the_image_adds_nothing_at_first():
    model = make_model(Start(scratch=SMALL), Model(), ["a"], 0)
    middle = model.object_tokenizer.embed_position(torch.tensor([[0.5, 0.5]]))
    torch.testing.assert_close(middle, torch.zeros_like(middle), atol=1e-5, rtol=0)
    corner = model.object_tokenizer.embed_position(torch.tensor([[0.0, 0.0]]))
    assert corner.abs().mean() > 0.5


def test_object_tokens_start_about_as_long_as_words():
    model = make_model(Start(scratch=Scratch(**{**SMALL_MODEL, **WIDER})), Model(), ["a"], 0)
    with torch.no_grad():
        tokens = model.region_projector(torch.randn(100, 192))
    words = model.language_model.get_input_embeddings().weight
    assert 0.7 < float(tokens.norm(dim=1).mean() / words.norm(dim=1).mean()) < 1.4


def test_a_pixelrefer_folder_keeps_its_weights_and_takes_changes(tiny_model_path):
    changes = Model(local_view_patches=6, dtype="float16")
    model = make_model(Start(pixelrefer=str(tiny_model_path)), changes, [], 0)
    reference = PixelRefer.from_pretrained(tiny_model_path).official_tensors()
    assert all((tensor == reference[k]).all() for k, tensor in model.official_tensors().items())
    assert model.config.local_view_patches == 6
    assert model.config.global_view_patches == 24
    assert model.config.dtype is torch.float16
    assert not model.config.random_weights


@pytest.fixture(scope="module")
def videollama3(tmp_path_factory):
    """A tiny VideoLLaMA3, written by transformers; its tokenizer lacks `<REGION>`."""
    folder = tmp_path_factory.mktemp("videollama3")
    tokenizer = train_tokenizer(SENTENCES, 400)
    rows = tokenizer.get_vocab_size() - 1  # that of <REGION>, the last
    config = VideoLlama3Config(
        text_config={
            "model_type": "qwen2",
            "vocab_size": rows,
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "tie_word_embeddings": False,
        },
        vision_config={
            "hidden_size": 64,
            "intermediate_size": 96,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "patch_size": 14,
        },
        tie_word_embeddings=False,
    )
    torch.manual_seed(0)
    model = VideoLlama3ForConditionalGeneration(config)
    model.save_pretrained(folder)
    values = json.loads(tokenizer.to_str())
    values["added_tokens"] = [t for t in values["added_tokens"] if t["content"] != "<REGION>"]
    (folder / "tokenizer.json").write_text(json.dumps(values))
    return folder, model.state_dict(), rows


def check(model: PixelRefer, theirs: dict[str, torch.Tensor], rows: int) -> None:
    ours = model.state_dict()
    for name, tensor in theirs.items():
        prefix = next(prefix for prefix in OURS if name.startswith(prefix))
        found = ours[OURS[prefix] + name.removeprefix(prefix)]
        assert (found[: len(tensor)] == tensor).all(), name
    embeddings = ours["language_model.model.embed_tokens.weight"]
    assert len(embeddings) == rows + 1
    assert torch.allclose(embeddings[-1], embeddings[:-1].mean(0), atol=1e-6)
    assert model.prompts.region_id == rows


@pytest.mark.parametrize("framework", list(Framework))
def test_videollama3_of_transformers(videollama3, framework):
    folder, theirs, rows = videollama3
    model = from_videollama3(folder, framework)
    check(model, theirs, rows)
    assert model.config.framework is framework
    assert model.config.vision.hidden_size == 64


def test_videollama3_as_released(videollama3, tmp_path):
    folder, theirs, rows = videollama3
    released = {
        "model.vision_model.": "model.vision_encoder.",
        "model.projector.": "model.mm_projector.",
        "model.language_model.": "model.",
    }

    def renamed(name: str) -> str:
        for old, new in released.items():
            if name.startswith(old):
                return new + name.removeprefix(old)
        return name

    tensors = load_file(folder / "model.safetensors")
    save_file({renamed(k): v for k, v in tensors.items()}, tmp_path / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    values = config["text_config"] | {
        "model_type": "videollama3_qwen2",
        "vision_encoder_config": config["vision_config"],
    }
    (tmp_path / "config.json").write_text(json.dumps(values))
    (tmp_path / "tokenizer.json").write_text((folder / "tokenizer.json").read_text())
    check(from_videollama3(tmp_path, Framework.OBJECT_ONLY), theirs, rows)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text_config": None}, "the language part is None, must be an object"),
        ({"vision_config": [1]}, r"the vision part is \[1\], must be an object"),
        ({"text_config": {"hidden_size": "wide"}}, "hidden_size is 'wide', must be a whole number"),
        ({"vision_config": {"num_attention_heads": 0}}, "vision num_attention_heads is 0, must be"),
        ({"vision_config": {"hidden_size": 65}}, r"config\.json: ValueError: embed_dim must be"),
    ],
)
def test_what_is_wrong_with_a_videollama3_is_named(videollama3, tmp_path, change, message):
    folder, _, _ = videollama3
    values = json.loads((folder / "config.json").read_text())
    for part, fields in change.items():
        values[part] = {**values[part], **fields} if isinstance(fields, dict) else fields
    (tmp_path / "config.json").write_text(json.dumps(values))
    (tmp_path / "tokenizer.json").write_text((folder / "tokenizer.json").read_text())
    with pytest.raises(CheckpointError, match=message):
        from_videollama3(tmp_path, Framework.OBJECT_ONLY)


def test_a_folder_without_a_configuration_is_no_videollama3(videollama3, tmp_path):
    (tmp_path / "tokenizer.json").write_text((videollama3[0] / "tokenizer.json").read_text())
    with pytest.raises(CheckpointError, match=r"no config\.json, so this is not a model folder"):
        from_videollama3(tmp_path, Framework.OBJECT_ONLY)


def test_a_tensor_too_few_is_named(videollama3, tmp_path):
    folder, _, _ = videollama3
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.projector.readout.0.bias"]
    save_file(tensors, tmp_path / "model.safetensors")
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_text((folder / name).read_text())
    with pytest.raises(CheckpointError, match=r"missing: model\.projector\.readout\.0\.bias"):
        from_videollama3(tmp_path, Framework.OBJECT_ONLY)


def test_only_the_object_encoder_starts_anew(tmp_path):
    source = make_model(Start(scratch=SMALL), Model(), ["red disc"], 0)
    source.save_pretrained(tmp_path)
    anew = Start(pixelrefer=str(tmp_path), new_object_encoder=True)
    first, second = (make_model(anew, Model(), [], seed).state_dict() for seed in (1, 2))
    for name, tensor in source.state_dict().items():
        kept = name.startswith(("vision_encoder.", "projector.", "language_model."))
        # Biases and norms start alike whatever the seed.
        if kept or tensor.std() > 0:
            assert torch.equal(first[name], tensor) == kept, name
            assert torch.equal(first[name], second[name]) == kept, name


def test_positions_can_be_scaled(tiny_model_path):
    plain = make_model(Start(pixelrefer=str(tiny_model_path)), Model(), [], 0)
    scaled = make_model(Start(pixelrefer=str(tiny_model_path), position_scale=3.0), Model(), [], 0)
    corner = torch.tensor([[1.0, 0.0]])
    torch.testing.assert_close(
        scaled.object_tokenizer.embed_position(corner),
        3 * plain.object_tokenizer.embed_position(corner),
    )
