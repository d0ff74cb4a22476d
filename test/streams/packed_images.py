"""Packs RGB pictures into ROS encodings by hand, with numpy alone, to check the codec against."""

from __future__ import annotations

import numpy as np

from pixelrefer_ros.streams.images import RawImage

CHANNEL_ORDER = {
    "rgb8": "rgb",
    "bgr8": "bgr",
    "rgba8": "rgba",
    "bgra8": "bgra",
    "rgb16": "rgb",
    "bgr16": "bgr",
    "rgba16": "rgba",
    "bgra16": "bgra",
    "8UC3": "bgr",
    "8UC4": "bgra",
}
YUV422_ORDER = {"yuv422": "uyvy", "uyvy": "uyvy", "yuv422_yuy2": "yuyv", "yuyv": "yuyv"}
YUV420_ORDER = {"nv12": "uv", "nv21": "vu"}
GREY = ("mono8", "8UC1", "mono16")
BAYER = tuple(f"bayer_{p}{b}" for p in ("rggb", "bggr", "gbrg", "grbg") for b in (8, 16))
ENCODINGS = (*CHANNEL_ORDER, *GREY, *YUV422_ORDER, *YUV420_ORDER, *BAYER)


def quadrants(height: int = 24, width: int = 32) -> np.ndarray:
    """Red and green over blue and orange, uint8 RGB [height, width, 3]."""
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[: height // 2, : width // 2] = (200, 10, 20)
    rgb[: height // 2, width // 2 :] = (30, 180, 40)
    rgb[height // 2 :, : width // 2] = (50, 60, 220)
    rgb[height // 2 :, width // 2 :] = (240, 140, 16)
    return rgb


def pack(
    rgb: np.ndarray, encoding: str, *, padding: int = 0, is_bigendian: bool = False
) -> RawImage:
    """Return `rgb` as an image message whose rows end with `padding` bytes of 0xAA."""
    samples = _samples(rgb, encoding)
    if encoding.endswith("16"):
        samples = (samples.astype(np.uint16) * 257).astype(">u2" if is_bigendian else "<u2")
    rows = samples.reshape(len(samples), -1).view(np.uint8)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=0xAA)
    height, width = rgb.shape[:2]
    return RawImage(height, width, encoding, is_bigendian, rows.shape[1], rows.tobytes())


def _samples(rgb: np.ndarray, encoding: str) -> np.ndarray:
    if encoding in CHANNEL_ORDER:
        planes = {"r": rgb[..., 0], "g": rgb[..., 1], "b": rgb[..., 2]}
        planes["a"] = np.full_like(planes["r"], 77)
        return np.stack([planes[name] for name in CHANNEL_ORDER[encoding]], axis=-1)
    if encoding in GREY:
        return np.ascontiguousarray(rgb[..., 0])
    if encoding in BAYER:
        mosaic = np.empty(rgb.shape[:2], np.uint8)
        for place, colour in enumerate(encoding[len("bayer_") :][:4]):
            row, column = divmod(place, 2)
            mosaic[row::2, column::2] = rgb[row::2, column::2, "rgb".index(colour)]
        return mosaic
    y, u, v = _yuv(rgb)
    if encoding in YUV422_ORDER:
        planes = {"u": u[:, ::2], "v": v[:, ::2]}
        order = YUV422_ORDER[encoding]
        first_y, second_y = (1, 3) if order == "uyvy" else (0, 2)
        packed = np.empty((*u[:, ::2].shape, 4), np.uint8)
        packed[..., first_y], packed[..., second_y] = y[:, ::2], y[:, 1::2]
        packed[..., order.index("u")], packed[..., order.index("v")] = planes["u"], planes["v"]
        return packed
    planes = {"u": u[::2, ::2], "v": v[::2, ::2]}
    colours = np.stack([planes[name] for name in YUV420_ORDER[encoding]], axis=-1)
    return np.concatenate([y, colours.reshape(len(colours), -1)])


def _yuv(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ITU-R BT.601, limited range."""
    r, g, b = (rgb[..., channel] / 255 for channel in range(3))
    y = 16 + 65.481 * r + 128.553 * g + 24.966 * b
    u = 128 - 37.797 * r - 74.203 * g + 112.0 * b
    v = 128 + 112.0 * r - 93.786 * g - 18.214 * b
    y, u, v = (np.round(plane).astype(np.uint8) for plane in (y, u, v))
    return y, u, v
