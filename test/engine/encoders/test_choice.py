from __future__ import annotations

import shutil

import pytest

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.engine.encoders.choice import use_encoder_backend
from pixelrefer_ros.engine.encoders.fused import FusedEncoder
from pixelrefer_ros.errors import DeviceError, ExportError
from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.model.random_model import write_random_checkpoint
from pixelrefer_ros.regions.reference import Region


def answers(describer: Describer, picture) -> list[str]:
    regions = [Region(box=(10 * k, 5 * k, 20 + 9 * k, 30)) for k in range(4)]
    found = describer.describe(picture, regions, "What is it?", max_new_tokens=12)
    return [answer.text for answer in found]


def test_both_backends_give_the_same_answers(tiny_model_path, exported_encoder, picture):
    path = str(tiny_model_path)
    with Describer.from_pretrained(path, dtype="float32", device="cpu") as describer:
        expected = answers(describer, picture)
    with Describer.from_pretrained(
        path,
        dtype="float32",
        device="cpu",
        encoder_backend="onnxruntime",
        encoder_path=str(exported_encoder),
    ) as describer:
        assert describer.model.encoder_backend is not None
        assert answers(describer, picture) == expected


def test_the_default_folder_is_that_of_the_model(tiny_model_path, exported_encoder, tmp_path):
    folder = shutil.copytree(tiny_model_path, tmp_path / "model")
    shutil.copy(exported_encoder / "vision_encoder.onnx", folder)
    Describer.from_pretrained(str(folder), device="cpu", encoder_backend="onnxruntime").close()


def test_torch_takes_over_again(tiny_model_path, exported_encoder):
    model = PixelRefer.from_pretrained(tiny_model_path)
    use_encoder_backend(model, "onnxruntime", exported_encoder)
    use_encoder_backend(model, "torch", "")
    assert isinstance(model.encoder_backend, FusedEncoder)


@pytest.mark.parametrize("dimensions", [{"seed": 1}, {"vision_width": 96}])
def test_an_encoder_of_another_model_is_refused(exported_encoder, tmp_path, dimensions):
    write_random_checkpoint(tmp_path / "other", **dimensions)
    model = PixelRefer.from_pretrained(tmp_path / "other")
    with pytest.raises(ExportError, match="is of another model"):
        use_encoder_backend(model, "onnxruntime", exported_encoder)
    assert model.encoder_backend is None


def test_an_unknown_backend_is_named(tiny_model):
    with pytest.raises(ExportError, match=r"encoder\.backend is 'onnx', must be one of torch, onn"):
        use_encoder_backend(tiny_model, "onnx", "")


def test_tensorrt_is_not_for_the_cpu(tiny_model, exported_encoder):
    with pytest.raises(DeviceError, match="needs a CUDA device"):
        use_encoder_backend(tiny_model, "tensorrt", exported_encoder)
