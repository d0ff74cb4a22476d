"""From a question to token ids: chat text, visual tokens, object tokens.

What the user wrote is tokenised as plain text, so `<|im_end|>` or `<REGION>` in a question never
become control tokens: those are put in by id.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from pixelrefer_ros.errors import CheckpointError, InvalidPromptError, shown
from pixelrefer_ros.model.configuration import PixelReferConfig

REGION_PLACEHOLDER = "<region>"
IMAGE_PLACEHOLDER = "<image>"
VIDEO_PLACEHOLDER = "<video>"

DETAIL_QUESTION = (
    "Please describe the region <region> in the image in detail. Do not describe anything else."
)
VIDEO_DETAIL_QUESTION = (
    "There is one object in the video: <region>.\n"
    "Please describe in detail the marked object in the video."
)
FULL_VIDEO_DETAIL_QUESTION = "Please describe in detail the marked object <region> in the video."
"""The same for the full model."""

START_OF_TURN = "<|im_start|>"
END_OF_TURN = "<|im_end|>"
IMAGE_TOKEN = "<image>"
REGION_TOKEN = "<REGION>"

ControlToken = tuple[int, int]
"""A control token's id and how often it stands there."""
Part = str | ControlToken
ObjectMasks = Sequence[tuple[int, int]]
"""Of one object: (image index, number of object tokens) for each mask."""


class PromptWriter:
    """Writes the token ids of questions for one model. Thread-safe."""

    def __init__(self, tokenizer: Tokenizer, config: PixelReferConfig) -> None:
        """Look up the control tokens; raise `CheckpointError` if one is missing."""
        self._tokenizer = tokenizer
        self._is_lite = config.is_lite
        vocabulary = config.language.vocab_size
        self.image_id = control_token_id(tokenizer, IMAGE_TOKEN, vocabulary)
        self.region_id = control_token_id(tokenizer, REGION_TOKEN, vocabulary)
        self._start = (control_token_id(tokenizer, START_OF_TURN, vocabulary), 1)
        self._end = (control_token_id(tokenizer, END_OF_TURN, vocabulary), 1)
        self._max_length = config.max_sequence_length
        if config.max_prompt_tokens is not None:
            self._max_length = min(self._max_length, config.max_prompt_tokens)

    def write(
        self,
        question: str,
        objects: Sequence[ObjectMasks],
        *,
        frames: Sequence[int] = (),
        times: Sequence[float] | None = None,
    ) -> NDArray[np.int64]:
        """Return the ids [length] of the user's turn, up to where the answer begins.

        frames: number of visual tokens of each image or video frame (full model).
        times: seconds of each image for the video form, None for stills.
        Raises `InvalidPromptError` if the placeholders do not fit or the prompt is too long.
        """
        self.check_question(question, len(objects))
        return self._write_turn([], question, objects, frames, times)

    def follow_up(
        self, question: str, objects: Sequence[ObjectMasks], *, times: Sequence[float] | None = None
    ) -> NDArray[np.int64]:
        """Return the ids [length] of a later turn of the user, from the end of the answer before.

        It may add objects, or go without any. Raises `InvalidPromptError` like `write`.
        """
        _check_regions(question, len(objects))
        return self._write_turn(["\n"], question, objects, (), times)

    def answer(self, text: str) -> NDArray[np.int64]:
        """Return the ids [length] of the model's turn: what it has to say, and its end."""
        return self._encode([text.strip(), self._end])

    def _write_turn(
        self,
        before: Sequence[Part],
        question: str,
        objects: Sequence[ObjectMasks],
        frames: Sequence[int],
        times: Sequence[float] | None,
    ) -> NDArray[np.int64]:
        self._check_visuals(question, len(frames), is_video=times is not None)
        if times is not None and frames:
            placeholder, visuals = VIDEO_PLACEHOLDER, [self._video(frames, times)]
        else:
            placeholder, visuals = IMAGE_PLACEHOLDER, [self._image(count) for count in frames]
        texts = question.split(placeholder) if visuals else [question]
        if len(texts) == 1:
            texts = [""] * len(visuals) + texts
        regions = iter([self._object(masks, times) for masks in objects])
        parts: list[Part] = [*before, self._start, "user\n"]
        for text, visual in zip(texts, [*visuals, []], strict=True):
            parts += [*_fill_in(text.strip(), regions), *visual]
        ids = self._encode([*parts, self._end, "\n", self._start, "assistant\n"])
        if len(ids) >= self._max_length:
            raise InvalidPromptError(
                f"the prompt has {len(ids)} tokens, the model reads fewer than {self._max_length}"
            )
        return ids

    def check_question(self, question: str, objects: int) -> None:
        """Raise `InvalidPromptError` unless the question fits that many objects."""
        _check_regions(question, objects)
        if self._is_lite:
            if not objects:
                raise InvalidPromptError("PixelRefer-Lite answers about objects, but there are 0")
            self._check_visuals(question, 0, is_video=False)

    def _check_visuals(self, question: str, images: int, *, is_video: bool) -> None:
        for placeholder, meant in (
            (IMAGE_PLACEHOLDER, not is_video),
            (VIDEO_PLACEHOLDER, is_video),
        ):
            count = question.count(placeholder)
            limit = min(images, 1) if is_video else images
            if count not in (0, limit if meant else 0):
                allowed = f"none or {limit}" if meant and limit else "none"
                raise InvalidPromptError(
                    f"prompt has {count} {placeholder}, it may have {allowed} here"
                )

    def _image(self, tokens: int) -> list[Part]:
        return [(self.image_id, tokens), "\n"]

    def _video(self, frames: Sequence[int], times: Sequence[float]) -> list[Part]:
        parts: list[Part] = []
        for tokens, time in zip(frames, times, strict=True):
            parts += ["," if parts else "", f"Time {_seconds(time)}s:", (self.image_id, tokens)]
        return [*parts, "\n"]

    def _object(self, masks: ObjectMasks, times: Sequence[float] | None) -> list[Part]:
        if self._is_lite and times is not None:
            parts: list[Part] = []
            for image, tokens in masks:
                stamp = f"Time {_seconds(times[image])}:"
                parts += ["," if parts else "[", stamp, (self.region_id, tokens)]
            return [*parts, "]"]
        if self._is_lite and len(masks) > 1:
            raise InvalidPromptError(
                f"an object has {len(masks)} masks, at most 1 is possible without times"
            )
        parts = []
        for _, tokens in masks:
            parts += [",[" if parts else "[", (self.region_id, tokens), "]"]
        return parts

    def _encode(self, parts: Sequence[Part]) -> NDArray[np.int64]:
        ids: list[int] = []
        text = ""
        for part in parts:
            if isinstance(part, str):
                text += part
            elif part[1] > 0:
                ids += self._encode_text(text)
                text = ""
                ids += [part[0]] * part[1]
        return np.asarray(ids + self._encode_text(text), np.int64)

    def _encode_text(self, text: str) -> list[int]:
        try:
            ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        except (UnicodeEncodeError, TypeError) as error:
            raise InvalidPromptError(f"prompt is not valid Unicode: '{shown(text)}'") from error
        return ids


def control_token_id(tokenizer: Tokenizer, token: str, vocabulary: int) -> int:
    """Return the id of a control token.

    Raises `CheckpointError` if there is none below `vocabulary`, or if plain text would give it.
    """
    token_id: int | None = tokenizer.token_to_id(token)
    if token_id is None or token_id >= vocabulary:
        raise CheckpointError(
            f"the tokenizer's id of {token} is {token_id}, must be below vocab_size {vocabulary}"
        )
    if token_id in tokenizer.encode(token, add_special_tokens=False).ids:
        raise CheckpointError(f"tokenizer.json: {token} must be marked as special")
    return token_id


def _check_regions(question: str, objects: int) -> None:
    if not question.strip():
        raise InvalidPromptError("prompt is empty")
    regions = question.count(REGION_PLACEHOLDER)
    if regions != objects:
        raise InvalidPromptError(
            f"prompt has {regions} {REGION_PLACEHOLDER}, "
            f"but there are {objects} objects; it needs one for each"
        )


def _fill_in(text: str, regions: Iterator[list[Part]]) -> list[Part]:
    first, *rest = text.split(REGION_PLACEHOLDER)
    parts: list[Part] = [first]
    for following in rest:
        parts += [*next(regions), following]
    return parts


def _seconds(time: float) -> str:
    return str(round(float(time), 1))
