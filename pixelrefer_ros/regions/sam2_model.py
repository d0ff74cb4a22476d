"""What images and videos need alike of SAM 2: its weights, and pictures and masks as it takes them.

The pictures are prepared here (a square of the network's size, averaged over areas; mean and
deviation of ImageNet), since the processors of transformers need torchvision.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PretrainedConfig

from pixelrefer_ros.errors import CheckpointError, DeviceError
from pixelrefer_ros.regions.reference import Image, Mask

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)

MODEL_TYPES = ("sam2", "sam2_video")
"""What config.json calls it; either can be loaded for images and for videos."""


def check(model: str) -> None:
    """Raise `CheckpointError` unless there is a SAM 2, by its config.json alone.

    model: folder or hub id, which is looked up among what was downloaded before.
    """
    if not model:
        raise CheckpointError(
            "the folder or hub id of SAM 2 is empty, as facebook/sam2.1-hiera-tiny"
        )
    try:
        values, _ = PretrainedConfig.get_config_dict(model, local_files_only=True)
    except (OSError, ValueError) as error:
        raise _unusable(model, error) from error
    if values.get("model_type") not in MODEL_TYPES:
        raise _unusable(model, "there is no config.json of a SAM 2")


def load(network: Any, model: str, device: str) -> Any:
    """Return SAM 2 from a folder or downloaded hub id, as the class `network` of transformers.

    It is only to be run. Only safetensors are read, and nothing is fetched. Raises
    `CheckpointError` where there are no such weights or they are not SAM 2's, and `DeviceError`.
    """
    check(model)
    try:
        loaded, report = network.from_pretrained(
            model, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise _unusable(model, error) from error
    if missing := sorted(report["missing_keys"]):
        raise CheckpointError(
            f"SAM 2 model '{model}' lacks {len(missing)} tensors, the first is {missing[0]}"
        )
    name = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    try:
        return loaded.eval().to(name)
    except (RuntimeError, AssertionError) as error:
        raise DeviceError(f"device is '{device}', SAM 2 cannot run there: {error}") from error


def to_pixels(image: Image, side: int, device: torch.device) -> torch.Tensor:
    """Return a picture, uint8 RGB [H, W, 3], as SAM 2 takes it: float [1, 3, side, side]."""
    square = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    pixels = (square.astype(np.float32) / 255 - MEAN) / DEVIATION
    return torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None].to(device)


def to_square(mask: Mask, side: int) -> torch.Tensor:
    """Return a mask, bool [H, W], as float [1, 1, side, side] of 0 and 1."""
    square = cv2.resize(mask.astype(np.uint8), (side, side), interpolation=cv2.INTER_NEAREST)
    return torch.from_numpy(square.astype(np.float32))[None, None]


def to_mask(logits: torch.Tensor, height: int, width: int) -> Mask:
    """Return logits [h, w] as a mask of the picture, bool [height, width]."""
    small: NDArray[np.float32] = logits.float().cpu().numpy()
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR) > 0)


def _unusable(model: str, reason: object) -> CheckpointError:
    first_line = str(reason).strip().partition("\n")[0]
    return CheckpointError(f"SAM 2 model '{model}' cannot be loaded: {first_line}")
