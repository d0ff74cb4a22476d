"""Surfaces: turned, extruded and swept, with normals and texture coordinates of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SEGMENTS = 30
SHARP = np.cos(np.radians(35))
"""Cosine above which neighbouring strips of a turned surface are shaded as one."""


@dataclass(frozen=True)
class Surface:
    """A triangle mesh: `vertices` and `normals` [N, 3], `grain` [N, 2], `faces` [M, 3]; metres.

    `grain` are the coordinates along the surface that textures such as wood use, metres too.
    """

    vertices: Floats
    normals: Floats
    grain: Floats
    faces: NDArray[np.int32]

    def moved(self, offset: Sequence[float]) -> Surface:
        """Shift by `offset`."""
        return replace(self, vertices=self.vertices + np.asarray(offset, float))

    def turned(self, axis: int, degrees: float) -> Surface:
        """Rotate about coordinate axis 0, 1 or 2."""
        matrix = rotation(axis, degrees)
        return replace(self, vertices=self.vertices @ matrix.T, normals=self.normals @ matrix.T)


def rotation(axis: int, degrees: float) -> Floats:
    """Return the matrix [3, 3] of a right-handed rotation about a coordinate axis."""
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = cosine
    matrix[second, first], matrix[first, second] = sine, -sine
    return matrix


def joined(surfaces: Sequence[Surface]) -> Surface:
    """Make one surface of several."""
    starts = np.cumsum([0, *(len(surface.vertices) for surface in surfaces)])
    return Surface(
        np.concatenate([surface.vertices for surface in surfaces]),
        np.concatenate([surface.normals for surface in surfaces]),
        np.concatenate([surface.grain for surface in surfaces]),
        np.concatenate([s.faces + start for s, start in zip(surfaces, starts, strict=False)]),
    )


def lathe(profile: Sequence[tuple[float, float]]) -> Surface:
    """Turn a line of (radius, height) points about the vertical axis.

    The outside is on the right of the line as it goes up. Corners sharper than about 35 degrees
    stay sharp.
    """
    points = np.asarray(profile, float)
    steps = np.diff(points, axis=0)
    lengths = np.maximum(np.linalg.norm(steps, axis=1), 1e-9)
    slopes = np.stack([steps[:, 1], -steps[:, 0]], axis=1) / lengths[:, None]
    smooth = ((slopes[1:] * slopes[:-1]).sum(axis=1) > SHARP)[:, None]
    normals = np.stack([slopes, slopes], axis=1)
    normals[1:, 0] += smooth * slopes[:-1]
    normals[:-1, 1] += smooth * slopes[1:]
    normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    ends = np.stack([points[:-1], points[1:]], axis=1)
    heights = np.concatenate([[0.0], np.cumsum(lengths)])
    angles = np.linspace(0, 2 * np.pi, SEGMENTS + 1)
    around = np.stack([np.cos(angles), np.sin(angles)], axis=1)

    def turned(flat: Floats) -> Floats:
        upward = np.broadcast_to(flat[:, :, None, 1:], (*flat.shape[:2], len(angles), 1))
        return np.asarray(np.concatenate([flat[:, :, None, :1] * around, upward], axis=3))

    return _strips(
        turned(ends),
        turned(normals),
        angles * points[:, 0].max(),
        np.stack([heights[:-1], heights[1:]], axis=1),
    )


def tube(
    path: Sequence[Sequence[float]] | Floats, radii: float | Sequence[float] | Floats
) -> Surface:
    """Sweep a circle along a line of points in space, closed at both ends.

    `radii` is one radius, or one for each point.
    """
    points = np.asarray(path, float)
    sizes = np.broadcast_to(np.asarray(radii, float), len(points))
    tangents = np.gradient(points, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    aside = _perpendicular(tangents[0])
    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    angles = np.linspace(0, 2 * np.pi, 15)
    circles = []
    for tangent in tangents:
        aside = aside - (aside @ tangent) * tangent
        aside /= np.linalg.norm(aside)
        across = np.cross(tangent, aside)
        circles.append(np.outer(np.cos(angles), aside) + np.outer(np.sin(angles), across))
    normals = np.array(circles)
    rings = points[:, None] + sizes[:, None, None] * normals
    caps = [_cap(rings[0], -tangents[0]), _cap(rings[-1], tangents[-1])]
    sides = _strips(
        np.stack([rings[:-1], rings[1:]], axis=1),
        np.stack([normals[:-1], normals[1:]], axis=1),
        angles * float(sizes.max()),
        np.stack([lengths[:-1], lengths[1:]], axis=1),
    )
    return joined([sides, *caps])


def prism(outline: Sequence[tuple[float, float]], height: float) -> Surface:
    """Extrude a convex outline (x, y), counter-clockwise, from z = 0 to `height`."""
    corners = np.asarray(outline, float)
    low = np.column_stack([corners, np.zeros(len(corners))])
    high = low + np.array([0, 0, height])
    sides = []
    for index in range(len(corners)):
        after = (index + 1) % len(corners)
        along = low[after] - low[index]
        normal = np.array([along[1], -along[0], 0]) / np.linalg.norm(along)
        quad = np.array([low[index], low[after], high[after], high[index]])
        # The grain runs along the longer edge.
        edges = np.array([np.linalg.norm(along), height])
        grain = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * edges
        sides.append(
            Surface(
                quad,
                np.tile(normal, (4, 1)),
                grain if height >= edges[0] else grain[:, ::-1],
                np.array([[0, 1, 2], [0, 2, 3]], np.int32),
            )
        )
    return joined([*sides, _cap(low, np.array([0, 0, -1.0])), _cap(high, np.array([0, 0, 1.0]))])


def box(length: float, width: float, height: float) -> Surface:
    """Make a box that stands centred on the origin."""
    x, y = length / 2, width / 2
    return prism([(-x, -y), (x, -y), (x, y), (-x, y)], height)


def rounded(length: float, width: float, height: float, radius: float) -> Surface:
    """Make a box like `box`, its upright edges rounded."""
    angles = np.radians(np.arange(0, 360, 15))
    x = np.cos(angles) * radius + np.sign(np.round(np.cos(angles), 6)) * (length / 2 - radius)
    y = np.sin(angles) * radius + np.sign(np.round(np.sin(angles), 6)) * (width / 2 - radius)
    return prism(list(zip(x, y, strict=True)), height)


def arc(
    centre: Sequence[float], radius: float, start: float, end: float, stretch: float = 1.0
) -> Floats:
    """Return points [13, 3] on an arc in the x-z plane, angles in degrees from +x towards +z."""
    angles = np.radians(np.linspace(start, end, 13))
    x, z = radius * stretch * np.cos(angles), radius * np.sin(angles)
    points: Floats = np.column_stack([x, np.zeros(13), z]) + np.asarray(centre, float)
    return points


def _strips(vertices: Floats, normals: Floats, around: Floats, along: Floats) -> Surface:
    """Join pairs of rings: `vertices` and `normals` [strips, 2, points, 3].

    `around` [points] and `along` [strips, 2] are the grain. Outward is the side from which the
    second ring of a pair is ahead when the points run anticlockwise.
    """
    strips, _, count, _ = vertices.shape
    low = np.arange(count - 1)
    faces = np.concatenate(
        [
            np.stack([low, low + 1, low + count + 1], axis=1),
            np.stack([low, low + count + 1, low + count], axis=1),
        ]
    )
    starts = 2 * count * np.arange(strips)
    shape = (strips, 2, count)
    grain = np.stack(
        [np.broadcast_to(around, shape), np.broadcast_to(along[..., None], shape)], axis=3
    )
    return Surface(
        vertices.reshape(-1, 3),
        normals.reshape(-1, 3),
        grain.reshape(-1, 2),
        (starts[:, None, None] + faces).reshape(-1, 3).astype(np.int32),
    )


def _cap(ring: Floats, normal: Floats) -> Surface:
    """Fill a flat convex ring, facing along `normal`."""
    x = _perpendicular(normal)
    grain = np.column_stack([ring @ x, ring @ np.cross(normal, x)])
    inner = np.arange(1, len(ring) - 1)
    faces = np.stack([np.zeros_like(inner), inner, inner + 1], axis=1)
    corner = np.cross(ring[1] - ring[0], ring[len(ring) // 2] - ring[0])
    if corner @ normal < 0:
        faces = faces[:, ::-1]
    return Surface(ring, np.tile(normal, (len(ring), 1)), grain, faces.astype(np.int32))


def _perpendicular(direction: Floats) -> Floats:
    least = np.eye(3)[np.argmin(np.abs(direction))]
    across = np.cross(direction, least)
    return np.asarray(across / np.linalg.norm(across))
