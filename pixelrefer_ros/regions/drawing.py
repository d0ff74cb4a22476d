"""Draw regions and words on a picture, for people."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

COLOURS = (
    (255, 64, 64),
    (64, 200, 64),
    (80, 140, 255),
    (255, 180, 0),
    (220, 90, 255),
    (0, 210, 210),
)
TINT = 0.35
MARGIN = 6


def draw_regions(
    image: NDArray[np.uint8],
    masks: Sequence[NDArray[np.bool_]],
    labels: Sequence[str],
    *,
    caption: str = "",
) -> NDArray[np.uint8]:
    """Tint and outline each mask on a copy of `image` and write its label beside it.

    `image` is uint8 RGB [H, W, 3], masks are bool [H, W]. A `caption` goes on a bar below, so the
    result may be higher than the image.
    """
    picture = image.copy()
    for index, mask in enumerate(masks):
        colour = np.array(COLOURS[index % len(COLOURS)])
        picture[mask] = (picture[mask] * (1 - TINT) + colour * TINT).astype(np.uint8)
        outline, _ = cv2.findContours(
            mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
        )
        cv2.drawContours(picture, outline, -1, colour.tolist(), 2)
    canvas = Image.fromarray(picture)
    font = ImageFont.load_default(size=max(12, image.shape[0] // 30))
    draw = ImageDraw.Draw(canvas)
    for index, (mask, label) in enumerate(zip(masks, labels, strict=True)):
        if label:
            _draw_label(draw, mask, label, COLOURS[index % len(COLOURS)], font)
    return np.asarray(_add_caption(canvas, caption, font) if caption else canvas)


def _draw_label(
    draw: ImageDraw.ImageDraw,
    mask: NDArray[np.bool_],
    label: str,
    colour: tuple[int, int, int],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    rows, columns = np.nonzero(mask)
    left, top, right, bottom = draw.textbbox((0, 0), label, font=font)
    width, height = right - left + 2 * MARGIN, bottom - top + 2 * MARGIN
    x = min(int(columns.min()), mask.shape[1] - int(width))
    y = int(rows.min()) - int(height)
    x, y = max(x, 0), y if y >= 0 else int(rows.max()) + 1
    draw.rectangle((x, y, x + width, y + height), fill=colour)
    draw.text((x + MARGIN - left, y + MARGIN - top), label, fill=(0, 0, 0), font=font)


def _add_caption(
    picture: Image.Image, caption: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> Image.Image:
    measure = ImageDraw.Draw(picture)
    lines = [
        line
        for paragraph in caption.splitlines()
        for line in _wrap(paragraph, picture.width - 2 * MARGIN, measure, font)
    ]
    text = "\n".join(lines)
    _, _, _, bottom = measure.multiline_textbbox((0, 0), text, font=font)
    extended = Image.new("RGB", (picture.width, picture.height + int(bottom) + 2 * MARGIN))
    extended.paste(picture)
    ImageDraw.Draw(extended).multiline_text(
        (MARGIN, picture.height + MARGIN), text, fill=(255, 255, 255), font=font
    )
    return extended


def _wrap(
    text: str,
    width: int,
    draw: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> list[str]:
    """Break a line where it gets wider than `width` pixels: between words, else within one."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if draw.textlength(longer, font=font) <= width:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:
            if lines[-1] and draw.textlength(lines[-1] + letter, font=font) > width:
                lines.append("")
            lines[-1] += letter
    return lines
