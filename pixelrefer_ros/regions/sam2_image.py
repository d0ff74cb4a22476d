"""Find the object in a box, or at points, by SAM 2."""

from __future__ import annotations

import numpy as np
import torch
from transformers import Sam2Model

from pixelrefer_ros.errors import EmptyMaskError
from pixelrefer_ros.regions import sam2_model
from pixelrefer_ros.regions.reference import Image, Mask, Region


class Sam2Segmenter:
    """SAM 2 for single pictures. Masks and polygons are returned as they are.

    Raises `CheckpointError` and `DeviceError` as `sam2_model.load`.
    """

    def __init__(self, model: str, *, device: str) -> None:
        self._model = sam2_model.load(Sam2Model, model, device)
        self._side = int(self._model.config.vision_config.backbone_config.image_size[0])

    @torch.inference_mode()
    def segment(self, image: Image, region: Region, *, name: str = "region") -> Mask:
        """Return the mask of the object; see `Segmenter`; a box with nothing in it is kept."""
        height, width = image.shape[:2]
        points = region.check_points(height, width, name=name)
        if region.polygon is not None or region.mask is not None or not (region.box or len(points)):
            return region.to_mask(height, width, name=name)
        given = region.to_mask(height, width, name=name) if region.box else None
        device = self._model.device
        scale = self._side / np.array([width, height])
        prompts = {}
        if len(points):
            scaled = torch.tensor(points * scale, dtype=torch.float32, device=device)
            prompts["input_points"] = scaled[None, None]
        if region.box:
            x, y, box_width, box_height = region.box
            corners = np.array([[x, y], [x + box_width, y + box_height]]) * scale
            prompts["input_boxes"] = torch.tensor(
                corners.reshape(1, 1, 4), dtype=torch.float32, device=device
            )
        found = self._model(
            pixel_values=sam2_model.to_pixels(image, self._side, device),
            # One point may mean a part or the whole: SAM 2 proposes several and rates them.
            multimask_output=region.box is None and len(points) == 1,
            **prompts,
        )
        best = int(found.iou_scores[0, 0].argmax())
        mask = sam2_model.to_mask(found.pred_masks[0, 0, best], height, width)
        if mask.any():
            return mask
        if given is None:
            raise EmptyMaskError(f"{name}: SAM 2 finds no object at the points, point with a box")
        return given
