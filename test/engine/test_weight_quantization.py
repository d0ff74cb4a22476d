from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.engine.dynamic_int8 import DynamicInt8Linear, can_multiply
from pixelrefer_ros.engine.encoders.choice import use_encoder_backend
from pixelrefer_ros.engine.encoders.fused import FusedEncoder
from pixelrefer_ros.engine.query import ArrayFrame, Query
from pixelrefer_ros.engine.weight_quantization import (
    QUANTIZATIONS,
    resolve_quantization,
    stored_bytes,
    weight_bytes,
    weight_types,
)
from pixelrefer_ros.errors import DeviceError
from pixelrefer_ros.evaluation.reference_path import answer_one_by_one
from pixelrefer_ros.model.image_processor import View
from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.model.random_model import SENTENCES, train_tokenizer
from pixelrefer_ros.model.small import small_config
from pixelrefer_ros.regions.reference import Region

CPU = torch.device("cpu")
OF_BLOCKS = [("int8", torch.float32), ("int8", torch.bfloat16), ("int4", torch.bfloat16)]
OF_ALL = [("int8_dynamic", torch.float32), ("int8_dynamic", torch.bfloat16)]


@pytest.fixture
def make(endless_model_path) -> Callable[[str, torch.dtype], PixelRefer]:
    def load(name: str, dtype: torch.dtype) -> PixelRefer:
        if name == "int8_dynamic" and not can_multiply(CPU):
            pytest.skip("this processor has no VNNI")
        if name in ("int8", "int4"):
            pytest.importorskip("torchao")
        model = PixelRefer.from_pretrained(str(endless_model_path), dtype=dtype)
        resolve_quantization(name, CPU, dtype).apply(model)
        return model

    return load


def block_weights(model: PixelRefer) -> list[torch.Tensor]:
    blocks = model.language_model.model.layers
    return [layer.weight for layer in blocks.modules() if isinstance(layer, nn.Linear)]


@torch.inference_mode()
def logits(model: PixelRefer) -> torch.Tensor:
    ids = torch.arange(40)[None] * 7 % model.config.language.vocab_size
    return model.language_model(input_ids=ids).logits.float()


@pytest.mark.parametrize(("name", "dtype"), OF_BLOCKS + OF_ALL)
def test_logits_change_by_no_more_than_the_bits_that_are_lost(make, name, dtype):
    expected = logits(make("none", dtype))
    error = (logits(make(name, dtype)) - expected).std() / expected.std()
    low, high = {"int8": (0.005, 0.04), "int4": (0.1, 0.5), "int8_dynamic": (0.005, 0.06)}[name]
    assert low < error < high


@pytest.mark.parametrize(("name", "dtype"), OF_BLOCKS)
def test_only_the_decoder_blocks_are_quantised_and_take_less_memory(make, name, dtype):
    before, model = make("none", torch.float32), make(name, dtype)
    floats = sum(weight.nbytes for weight in block_weights(before))
    quantised = sum(stored_bytes(weight) for weight in block_weights(model))
    assert all(type(weight) is not nn.Parameter for weight in block_weights(model))
    # 8 bits of 32 and a few bytes a row, of which these narrow layers have 64 to 128 weights;
    # 5 bits of 32 with the scale and zero point of each group.
    assert quantised / floats == pytest.approx({"int8": 0.27, "int4": 5 / 32}[name], abs=0.005)
    blocks = {id(weight) for weight in block_weights(model)}
    others = [weight for weight in model.parameters() if id(weight) not in blocks]
    assert all(type(weight) is nn.Parameter and weight.dtype == dtype for weight in others)
    assert model.language_model.dtype == dtype


@pytest.mark.parametrize(("name", "dtype"), OF_ALL)
def test_the_layers_of_encoder_and_language_model_and_the_head_are_in_int8(make, name, dtype):
    before, model = make("none", dtype), make(name, dtype)
    parts = [
        model.vision_encoder.encoder.layers,
        model.language_model.model.layers,
        model.language_model.lm_head,
    ]
    for part in parts:
        kinds = {type(module) for module in part.modules()}
        assert DynamicInt8Linear in kinds
        assert nn.Linear not in kinds
    assert type(model.language_model.model.embed_tokens.weight) is nn.Parameter
    assert not any(isinstance(each, DynamicInt8Linear) for each in model.object_tokenizer.modules())
    heads = [network.language_model.lm_head for network in (before, model)]
    floats, bytes_ = map(weight_bytes, heads)
    # A byte for each of 64 weights of a row, and its scale.
    assert bytes_ / floats == pytest.approx((64 + 4) / 64 / dtype.itemsize)
    assert weight_bytes(model) < weight_bytes(before)
    norms = [weight for part in parts for weight in part.parameters()]
    assert norms
    assert all(weight.dtype == torch.float32 for weight in norms)
    assert model.language_model.dtype == model.vision_encoder.dtype == dtype


@torch.inference_mode()
@pytest.mark.parametrize(("name", "dtype"), OF_ALL)
def test_features_in_int8_differ_by_rounding(make, name, dtype):
    before, model = make("none", torch.float32), make(name, dtype)
    use_encoder_backend(model, "torch", "")
    noise = np.random.default_rng(0)
    views = [View(noise.integers(0, 256, (rows * 5, 588), np.uint8), (rows, 5)) for rows in (3, 9)]
    expected = torch.cat([*before.encode_packed(views)])
    # Of the engine's encoder and of that of transformers.
    for found in (model.encoder_backend.encode(views), model.encode_packed(views)):
        error = (torch.cat([*found]).float() - expected).std() / expected.std()
        assert 0.002 < error < 0.04


# Not of int8_dynamic in 16 bits, in which transformers rounds more than the engine does.
@pytest.mark.parametrize(("name", "dtype"), [*OF_BLOCKS, ("int8_dynamic", torch.float32)])
def test_the_engine_says_what_the_plain_loop_says(make, picture, name, dtype):
    model = make(name, dtype)
    regions = [Region(box=(10 * k, 10, 40, 30)) for k in range(5)]
    query = Query([ArrayFrame(picture)], regions, max_new_tokens=12)
    with Describer(model) as describer:
        found = [answer.text for answer in describer.submit(query).result()]
    expected = answer_one_by_one(model, query, max_new_tokens=12).texts
    same = np.mean([text == other for text, other in zip(found, expected, strict=True)])
    # In 16 bits two words can be equally likely but for rounding.
    assert same == 1.0 if dtype == torch.float32 else same >= 0.4
    assert len(set(found)) > 1


@pytest.mark.parametrize(("name", "dtype"), OF_ALL)
def test_an_answer_does_not_depend_on_what_is_asked_beside_it(make, picture, name, dtype):
    frame = ArrayFrame(picture)
    regions = [Region(box=(10 * k, 10, 40 - 3 * k, 30)) for k in range(5)]
    with Describer(make(name, dtype)) as describer:
        together = describer.submit(Query([frame], regions, max_new_tokens=12)).result()
        alone = [
            describer.submit(Query([frame], [region], max_new_tokens=12)).result()[0]
            for region in regions
        ]
    assert [answer.text for answer in together] == [answer.text for answer in alone]
    assert len({answer.text for answer in alone}) > 1


def test_an_exported_encoder_goes_with_it(tiny_model_path, exported_encoder, picture):
    if not can_multiply(CPU):
        pytest.skip("this processor has no VNNI")
    with Describer.from_pretrained(
        str(tiny_model_path),
        device="cpu",
        dtype="float32",
        quantization="int8_dynamic",
        encoder_backend="onnxruntime",
        encoder_path=str(exported_encoder),
    ) as describer:
        assert describer.describe(picture, Region(box=(10, 10, 40, 30)))
        assert not isinstance(describer.model.encoder_backend, FusedEncoder)


def test_a_describer_takes_it_by_name(endless_model_path, picture):
    pytest.importorskip("torchao")
    with Describer.from_pretrained(
        str(endless_model_path), device="cpu", quantization="int8"
    ) as describer:
        [answer] = describer.describe(picture, Region(box=(10, 10, 40, 30)), max_new_tokens=5)
        assert weight_types(describer.model) == "float32+int8"
    assert answer.generated_tokens == 5


@pytest.mark.parametrize(
    ("name", "dtype", "expected"),
    [
        ("none", torch.float32, "float32"),
        ("none", torch.bfloat16, "bfloat16"),
        ("int4", torch.bfloat16, "bfloat16+int4"),
    ],
)
def test_types_are_named_together(make, name, dtype, expected):
    assert weight_types(make(name, dtype)) == expected


@pytest.mark.parametrize(
    ("name", "dtype", "message"),
    [
        ("int3", torch.float32, "quantization is 'int3', must be one of none, int8, int4"),
        ("", torch.float32, "quantization is '', must be one of"),
        ("int8_dynamic", torch.float16, "'int8_dynamic', which computes in float32 or bfloat16, "),
        ("int8", torch.float16, "int8', which computes in float32 or bfloat16, .* is float16;"),
        ("int4", torch.float32, "int4', which computes in bfloat16, .* float32; set dtype to bf"),
    ],
)
def test_what_cannot_be_is_refused(name, dtype, message):
    with pytest.raises(DeviceError, match=message):
        resolve_quantization(name, CPU, dtype)


def test_a_gpu_without_the_kernel_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla T4")
    message = r"'int4', which needs compute capability 8\.0, Tesla T4 has 7\.5"
    with pytest.raises(DeviceError, match=message):
        resolve_quantization("int4", torch.device("cuda"), torch.bfloat16)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_processor_without_the_kernel_is_named(monkeypatch, device):
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict, raising=False)
    message = {
        "cpu": r"multiplies in int8 \(VNNI\), and device is 'cpu', which does not; use int8 or no",
        "cuda": r"which needs a CPU .*, and device is 'cuda'; use int8 or none",
    }[device]
    with pytest.raises(DeviceError, match=message):
        resolve_quantization("int8_dynamic", torch.device(device), torch.float32)


@pytest.mark.parametrize("name", QUANTIZATIONS)
def test_torchao_is_needed_only_when_asked_for(monkeypatch, tiny_model_path, name):
    for module in [*sys.modules, "torchao", "torchao.quantization"]:
        if module.partition(".")[0] == "torchao":
            monkeypatch.setitem(sys.modules, module, None)
    if name == "int8_dynamic" and not can_multiply(CPU):
        pytest.skip("this processor has no VNNI")
    if name in ("none", "int8_dynamic"):
        model = PixelRefer.from_pretrained(tiny_model_path)
        resolve_quantization(name, CPU, torch.float32).apply(model)
        assert model.quantization == name
        return
    message = rf"quantization '{name}' needs .*'torchao' .*pip install '\.\[quantize\]'"
    with pytest.raises(DeviceError, match=message):
        resolve_quantization(name, CPU, torch.bfloat16)


def test_the_import_is_silent():
    pytest.importorskip("torchao")
    code = "import pixelrefer_ros.engine.describer, torchao.quantization"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""


def test_layers_too_narrow_for_int4_are_named_and_left_alone():
    pytest.importorskip("torchao")
    config = small_config(
        vision_width=16,
        vision_layers=1,
        vision_heads=2,
        language_width=48,
        language_layers=1,
        language_heads=3,
        language_key_heads=1,
        region_tokens=4,
        vocabulary=600,
    )
    model = PixelRefer.with_random_weights(config, train_tokenizer(SENTENCES, 500), "narrow")
    model.to(torch.bfloat16)
    message = r"0\.self_attn\.q_proj of the language model has 48 and 48; use int8"
    with pytest.raises(DeviceError, match=message):
        resolve_quantization("int4", CPU, torch.bfloat16).apply(model)
    assert all(type(weight) is nn.Parameter for weight in block_weights(model))
    assert weight_types(model) == "bfloat16"
