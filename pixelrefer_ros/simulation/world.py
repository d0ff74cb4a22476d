"""A scene as a MuJoCo model, for its renderer alone: poses are given, nothing is simulated."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.simulation.categories import FIXED_PAINTS, Piece
from pixelrefer_ros.simulation.looks import (
    backdrop,
    glass_texture,
    metal_texture,
    shade,
    wood_texture,
)
from pixelrefer_ros.simulation.scene import HEIGHT, ROOM, WIDTH, Camera, Scene, Thing

Floats = NDArray[np.float64]

GRAIN_TILE = 0.12
"""Side of the square that one wood texture covers, metres."""

THINGS_GROUP = 1
"""Geom group of things; the surroundings are in group 0."""

_LIGHT_STRENGTH = 0.52


def build(scene: Scene) -> mujoco.MjModel:
    """Compile a scene.

    Body `thing<i>` holds one geom per piece, named `<i>/<piece>`; props follow the things.
    """
    random = np.random.default_rng(scene.seed)
    spec = mujoco.MjSpec()
    spec.visual.global_.offwidth, spec.visual.global_.offheight = WIDTH, HEIGHT
    spec.visual.quality.shadowsize, spec.visual.quality.offsamples = 1024, 4
    spec.visual.map.znear, spec.visual.map.zfar = 0.02, 12
    spec.visual.headlight.ambient = [0.34] * 3
    spec.visual.headlight.diffuse = [0.12] * 3
    spec.visual.headlight.specular = [0.05] * 3
    spec.stat.extent, spec.stat.center = 1.0, [0, 0, scene.table[2]]
    _add_lights(spec, scene)
    _add_camera(spec, scene.camera)
    for index, thing in enumerate([*scene.things, *scene.props]):
        _add_thing(spec, index, thing, scene.camera, random)
    # Drawn in this order: what is hidden costs least when what hides it comes first.
    _add_room(spec, scene, random)
    return spec.compile()


def _add_lights(spec: mujoco.MjSpec, scene: Scene) -> None:
    directions = (scene.light, np.array([-scene.light[0], -scene.light[1], 0.9]))
    for direction, strength, shadows in zip(
        directions, (_LIGHT_STRENGTH, 0.3 * _LIGHT_STRENGTH), (True, False), strict=True
    ):
        spec.worldbody.add_light(
            type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
            pos=np.array([0, 0, scene.table[2]]) + 2 * direction,
            dir=-direction,
            diffuse=[strength] * 3,
            ambient=[0, 0, 0],
            specular=[0.45 if shadows else 0.0] * 3,
            castshadow=shadows,
        )


def _add_camera(spec: mujoco.MjSpec, camera: Camera) -> None:
    quaternion = np.zeros(4)
    mujoco.mju_mat2Quat(quaternion, camera.axes.T.flatten())
    spec.worldbody.add_camera(name="camera", pos=camera.position, quat=quaternion, fovy=camera.fovy)


def _add_room(spec: mujoco.MjSpec, scene: Scene, random: np.random.Generator) -> None:
    room = spec.worldbody.add_body(name="room")
    width, depth, height = scene.table
    box, cylinder = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_CYLINDER
    for name, kind in zip(("table", "floor", "wall"), scene.backdrops, strict=True):
        repeat = {"table": 2, "floor": 6, "wall": 4}[name]
        pixels = backdrop(kind, random)
        _add_material(spec, name, pixels, [repeat, repeat], shininess=0.3, specular=0.1)
    if scene.round_table:
        radius = min(width, depth) / 2
        top, size = cylinder, [radius, 0.015, 0]
    else:
        top, size = box, [width / 2, depth / 2, 0.015]
    room.add_geom(type=top, size=size, pos=[0, 0, height - 0.015], material="table")
    for x in (-0.3, 0.3):
        for y in (-0.3, 0.3):
            room.add_geom(
                type=cylinder,
                size=[0.025, height / 2 - 0.02, 0],
                pos=[x * width, y * depth, height / 2 - 0.02],
                rgba=[0.3, 0.28, 0.26, 1],
            )
    room.add_geom(type=box, size=[ROOM, ROOM, 0.01], pos=[0, 0, -0.01], material="floor")
    for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        room.add_geom(
            type=box,
            size=[0.01 if x else ROOM, 0.01 if y else ROOM, 1.5],
            pos=[x * ROOM, y * ROOM, 1.5],
            material="wall",
        )


def _add_thing(
    spec: mujoco.MjSpec,
    index: int,
    thing: Thing,
    camera: Camera,
    random: np.random.Generator,
) -> None:
    body = spec.worldbody.add_body(name=f"thing{index}", pos=thing.position)
    quaternion = np.zeros(4)
    mujoco.mju_mat2Quat(quaternion, thing.orientation.flatten())
    body.quat = quaternion
    material = f"main{index}"
    _add_look(spec, material, thing, random)
    for number, piece in enumerate(thing.pieces):
        name = f"{index}/{number}"
        look = thing.look if piece.paint == "main" else "metal" if piece.paint == "steel" else ""
        _add_mesh(spec, name, piece, _texture_coordinates(piece, look, thing, camera))
        geom = body.add_geom(
            name=name,
            type=mujoco.mjtGeom.mjGEOM_MESH,
            meshname=name,
            group=THINGS_GROUP,
            contype=0,
            conaffinity=0,
        )
        if piece.paint == "main":
            geom.material = material
        elif piece.paint == "steel":
            if spec.material("steel") is None:
                pixels = metal_texture(np.array(FIXED_PAINTS["steel"]))
                _add_material(spec, "steel", pixels, [1, 1], 0.9, 0.8, emission=0.45)
            geom.material = "steel"
        else:
            geom.rgba = [*FIXED_PAINTS[piece.paint], 1]


def _add_look(spec: mujoco.MjSpec, name: str, thing: Thing, random: np.random.Generator) -> None:
    rgb = shade(thing.colour, random)
    if thing.look == "wood":
        _add_material(spec, name, wood_texture(rgb, random), [1, 1], 0.1, 0.05)
    elif thing.look == "metal":
        _add_material(spec, name, metal_texture(rgb), [1, 1], 0.9, 0.8, emission=0.45)
    elif thing.look == "glass":
        # Barely less than opaque: enough to be blended, with the texture's own alpha.
        pixels = glass_texture(rgb)
        _add_material(spec, name, pixels, [1, 1], 1.0, 1.0, emission=0.35, alpha=0.99)
    else:
        spec.add_material(name=name, rgba=[*rgb, 1], shininess=0.05, specular=0.04)


def _add_material(
    spec: mujoco.MjSpec,
    name: str,
    pixels: NDArray[np.uint8],
    repeat: list[float],
    shininess: float,
    specular: float,
    *,
    emission: float = 0.0,
    alpha: float = 1.0,
) -> None:
    height, width, channels = pixels.shape
    texture = spec.add_texture(
        name=name,
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        width=width,
        height=height,
        nchannel=channels,
    )
    texture.data = pixels.tobytes()
    material = spec.add_material(
        name=name,
        texrepeat=repeat,
        shininess=shininess,
        specular=specular,
        emission=emission,
        rgba=[1, 1, 1, alpha],
    )
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name


def _add_mesh(spec: mujoco.MjSpec, name: str, piece: Piece, coordinates: Floats) -> None:
    surface = piece.surface
    spec.add_mesh(
        name=name,
        uservert=surface.vertices.flatten(),
        usernormal=surface.normals.flatten(),
        usertexcoord=coordinates.flatten(),
        userface=surface.faces.flatten(),
        userfacetexcoord=surface.faces.flatten(),
        userfacenormal=surface.faces.flatten(),
        inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,
    )


def _texture_coordinates(piece: Piece, look: str, thing: Thing, camera: Camera) -> Floats:
    """Return where each vertex [N, 2] looks up its texture.

    Wood follows the grain. Metal and glass follow the normal as the camera sees it, as a mirror
    does, and a little the place, so that flat faces are not all of one tone.
    """
    surface = piece.surface
    if look not in ("metal", "glass"):
        return surface.grain / GRAIN_TILE
    normals = surface.normals @ thing.orientation.T @ camera.axes[:2].T
    own = surface.vertices - surface.vertices.mean(axis=0)
    places = own @ thing.orientation.T @ camera.axes[:2].T
    extent = max(float(np.abs(own).max()), 1e-6)
    return np.asarray(np.clip(0.5 + 0.28 * normals + 0.21 * places / extent, 0.01, 0.99))
