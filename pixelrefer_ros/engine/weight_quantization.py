"""Weights in fewer bits: of the language model by torchao, or of all large layers for products
in int8.

`int8` and `int4` are of the linear layers of the decoder blocks alone: there lie most weights of a
large model, and a step of decoding reads them all. All that passes through the blocks keeps the
model's number type. `int8_dynamic` is of these and of those of the vision encoder's layers, and
of the head, and what they multiply is in int8, too, all between the products in float32:
engine/dynamic_int8.py. Embedding and object tokens are never quantised.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from pixelrefer_ros.engine.dynamic_int8 import (
    DynamicInt8Linear,
    can_multiply,
    int8_layers,
    replace_linears,
)
from pixelrefer_ros.engine.freed_memory import return_freed_memory
from pixelrefer_ros.engine.optional_packages import require
from pixelrefer_ros.errors import DeviceError
from pixelrefer_ros.model.pixelrefer import PixelRefer

DTYPES = {
    "int8": (torch.float32, torch.bfloat16),
    "int4": (torch.bfloat16,),
    "int8_dynamic": (torch.float32, torch.bfloat16),
}
"""Number types that each goes with. Not float16, which the products with int8 weights overflow:
they are scaled only afterwards. For int4, torch has fast kernels in bfloat16 alone."""

QUANTIZATIONS = ("none", *DTYPES)

INT4_CAPABILITY = (8, 0)
"""Lowest CUDA compute capability of torch's int4 kernel."""

INT4_GROUP = 32
"""Weights of a row that share a scale and a zero point: as few, so as exact, as kernels take."""

INT4_ROWS = 16
"""Of what the rows of an int4 weight must be a multiple."""


@dataclass(frozen=True)
class WeightQuantization:
    """What to make of the weights of a model.

    name: one of `QUANTIZATIONS`; quantize: changes all linear layers in a module.
    """

    name: str
    quantize: Callable[[nn.Module], None]

    def apply(self, model: PixelRefer) -> None:
        """Quantise a model in place, on the device where it is.

        Raises `DeviceError`, and changes nothing, for int4 if a layer is too narrow for it.
        """
        blocks = model.language_model.model.layers
        if self.name == "int4":
            _check_widths(blocks)
        self.quantize(blocks)
        if self.name == "int8_dynamic":
            encoder, language_model = model.vision_encoder.encoder, model.language_model
            self.quantize(encoder.layers)
            language_model.lm_head = int8_layers(language_model.lm_head)[0]
            # What products give is in float32, and stays so from the first layer to the last.
            for part in (encoder.layers, blocks, language_model.model.norm):
                part.float()
            return_freed_memory()
        model.quantization = self.name


def resolve_quantization(name: str, device: torch.device, dtype: torch.dtype) -> WeightQuantization:
    """Turn one of `QUANTIZATIONS` into what is done on the device, before any model is read.

    Raises `DeviceError` for another name, a number type it does not go with, a GPU or CPU without
    the kernel, or when torchao is missing.
    """
    if name not in QUANTIZATIONS:
        raise DeviceError(f"quantization is '{name}', must be one of {', '.join(QUANTIZATIONS)}")
    if name == "none":
        return WeightQuantization(name, lambda blocks: None)
    if dtype not in DTYPES[name]:
        possible = " or ".join(_dtype_name(each) for each in DTYPES[name])
        raise DeviceError(
            f"quantization is '{name}', which computes in {possible}, and dtype is "
            f"{_dtype_name(dtype)}; set dtype to {possible}"
        )
    if name == "int8_dynamic":
        if not can_multiply(device):
            raise DeviceError(
                "quantization is 'int8_dynamic', which needs a CPU that multiplies in int8 (VNNI), "
                f"and device is '{device}'{_lacking(device)}; use int8 or none"
            )
        return WeightQuantization(name, replace_linears)
    if name == "int4" and device.type == "cuda":
        _check_capability(device)
    return WeightQuantization(name, _torchao(name, device))


def weight_types(model: PixelRefer) -> str:
    """Name the number type of a model, with quantised weights as `bfloat16+int4`."""
    name = _dtype_name(model.language_model.dtype)
    return name if model.quantization == "none" else f"{name}+{model.quantization}"


def stored_bytes(weight: torch.Tensor) -> int:
    """Return the memory a weight takes; a quantised one's `nbytes` are those of its dtype."""
    flatten = getattr(weight, "__tensor_flatten__", None)
    if flatten is None:
        return weight.nbytes
    parts, _ = flatten()
    return sum(getattr(weight, part).nbytes for part in parts)


def weight_bytes(module: nn.Module) -> int:
    """Return the memory that the weights of a module take."""
    in_int8 = (each for each in module.modules() if isinstance(each, DynamicInt8Linear))
    return sum(map(stored_bytes, module.parameters())) + sum(each.stored_bytes for each in in_int8)


def int8_rows(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Return what torchao made of a weight in int8: [outputs, inputs] and a scale of each output.

    None for a weight in another type.
    """
    values, scales = getattr(weight, "qdata", None), getattr(weight, "scale", None)
    if values is None or scales is None or values.dtype != torch.int8:
        return None
    has_scales_of_rows = values.shape == weight.shape and scales.numel() == len(values)
    return (values, scales.flatten()) if has_scales_of_rows else None


def _torchao(name: str, device: torch.device) -> Callable[[nn.Module], None]:
    """Return what torchao does; it leaves the settings of torch's compiler alone."""

    def load(module: str) -> Any:
        return require(module, "quantize", DeviceError, user=f"quantization '{name}'")

    library = load("torchao.quantization")
    if name == "int8":
        config = library.Int8WeightOnlyConfig(set_inductor_config=False)
    elif device.type == "cuda":
        config = library.Int4WeightOnlyConfig(
            group_size=INT4_GROUP,
            int4_packing_format="tile_packed_to_4d",
            set_inductor_config=False,
        )
    else:
        config = load("torchao.prototype.quantization.int4").PrototypeInt4WeightOnlyConfig(
            group_size=INT4_GROUP, set_inductor_config=False
        )
    return partial(library.quantize_, config=config)


def _lacking(device: torch.device) -> str:
    return ", which does not" if device.type == "cpu" else ""


def _check_capability(device: torch.device) -> None:
    capability = torch.cuda.get_device_capability(device)
    if capability < INT4_CAPABILITY:
        raise DeviceError(
            "quantization is 'int4', which needs compute capability "
            f"{'.'.join(map(str, INT4_CAPABILITY))}, {torch.cuda.get_device_name(device)} has "
            f"{'.'.join(map(str, capability))}; use int8 or none"
        )


def _check_widths(blocks: nn.Module) -> None:
    """Raise `DeviceError` for a layer that torchao would leave as it is, or fail on."""
    for name, layer in blocks.named_modules():
        if not isinstance(layer, nn.Linear):
            continue
        if layer.in_features % INT4_GROUP or layer.out_features % INT4_ROWS:
            raise DeviceError(
                f"quantization is 'int4', which needs layers with a multiple of {INT4_GROUP} "
                f"inputs and of {INT4_ROWS} outputs; {name} of the language model has "
                f"{layer.in_features} and {layer.out_features}; use int8 or none"
            )


def _dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
