"""Follow objects by SAM 2, frame by frame, with a memory that does not grow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import Sam2VideoModel
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

from pixelrefer_ros.regions import sam2_model
from pixelrefer_ros.regions.propagation import TrackedMask
from pixelrefer_ros.regions.reference import Image, Mask


class Sam2Propagator:
    """SAM 2 for videos; below `threshold` an object counts as lost.

    Raises `CheckpointError` and `DeviceError` as `sam2_model.load`.
    """

    def __init__(self, model: str, *, device: str, threshold: float) -> None:
        self._model = sam2_model.load(Sam2VideoModel, model, device)
        self._threshold = threshold

    def start(self, image: Image, masks: Sequence[Mask]) -> Sam2Tracker:
        """Take the objects with these masks, bool [H, W] each, on `image`, uint8 RGB [H, W, 3]."""
        return Sam2Tracker(self._model, image, masks, self._threshold)


class Sam2Tracker:
    """Objects on their way; the frame they were pointed at is never forgotten."""

    def __init__(self, model: Any, image: Image, masks: Sequence[Mask], threshold: float) -> None:
        self._model, self._threshold = model, threshold
        self._side = int(model.config.vision_config.backbone_config.image_size[0])
        self._remembered = max(
            model.config.num_maskmem, model.config.max_object_pointers_in_encoder
        )
        self._session: Any = Sam2VideoInferenceSession(
            inference_device=model.device,
            inference_state_device=model.device,
            dtype=model.dtype,
        )
        for number, mask in enumerate(masks):
            self._session.add_mask_inputs(
                self._session.obj_id_to_idx(number), 0, sam2_model.to_square(mask, self._side)
            )
        self._session.obj_with_new_inputs = list(range(len(masks)))
        self._frame = 0
        if masks:
            self._run(image)

    def step(self, image: Image) -> list[TrackedMask]:
        """Find every object on the next frame."""
        self._frame += 1
        if not self._session.get_obj_num():
            return []
        found = self._run(image)
        scores = torch.sigmoid(found.object_score_logits.flatten()).tolist()
        return [
            self._judge(sam2_model.to_mask(logits[0], *image.shape[:2]), score)
            for logits, score in zip(found.pred_masks, scores, strict=True)
        ]

    def _judge(self, mask: Mask, score: float) -> TrackedMask:
        is_seen = score >= self._threshold and bool(mask.any())
        return TrackedMask(mask if is_seen else None, score)

    @torch.inference_mode()
    def _run(self, image: Image) -> Any:
        pixels = sam2_model.to_pixels(image, self._side, self._model.device)
        found = self._model(self._session, frame=pixels, frame_idx=self._frame)
        self._forget()
        return found

    def _forget(self) -> None:
        """Drop what no later frame looks at: pixels, large masks and what is long ago."""
        self._session.processed_frames.clear()
        self._session.cache.clear_all()
        for outputs in self._session.output_dict_per_obj.values():
            outputs["non_cond_frame_outputs"].pop(self._frame - self._remembered, None)
            for kind in outputs.values():
                if self._frame in kind:
                    del kind[self._frame]["high_res_masks"]
        for tracked in self._session.frames_tracked_per_obj.values():
            tracked.clear()
