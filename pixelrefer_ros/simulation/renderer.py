"""Pictures and masks without a screen."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.errors import DeviceError
from pixelrefer_ros.simulation.scene import HEIGHT, WIDTH, Scene

LIBRARIES = {"egl": "libEGL.so.1", "osmesa": "libOSMesa.so.8"}
"""The ways of MuJoCo to draw without a screen, and what each needs."""

NO_LIBRARY = (
    "nothing here can draw without a screen; install it "
    "(Debian, Ubuntu: apt install libegl1 libegl-mesa0 libgl1-mesa-dri libgl1)"
)
NO_MUJOCO = "MuJoCo is missing; install it (pip install -r requirements/sim.txt)"

HIDDEN_GROUP = 2
"""Geom group that is not drawn when one thing is shown alone."""


def choose_library() -> str:
    """Find what draws and tell MuJoCo, which must not have been imported before.

    MUJOCO_GL decides when it is set. Raises `DeviceError`, saying what to install.
    """
    wanted = os.environ.get("MUJOCO_GL", "").strip().lower()  # as MuJoCo reads it
    if wanted and wanted not in LIBRARIES:
        raise DeviceError(f"MUJOCO_GL is '{wanted}', must be one of {', '.join(LIBRARIES)}")
    for name in [wanted] if wanted else LIBRARIES:
        try:
            ctypes.CDLL(LIBRARIES[name])
        except OSError:
            continue
        os.environ["MUJOCO_GL"] = name
        return name
    raise DeviceError(NO_LIBRARY)


class Renderer:
    """Draws scenes one after another with a single OpenGL context.

    Used by one thread only, and closed in the end. Raises `DeviceError` when nothing can draw.
    """

    def __init__(self) -> None:
        choose_library()
        try:
            import mujoco

            from pixelrefer_ros.simulation.world import build
        except ImportError as error:
            raise DeviceError(f"{NO_MUJOCO}: {error}") from error
        self._mujoco, self._build = mujoco, build
        try:
            self._gl = mujoco.GLContext(WIDTH, HEIGHT)
            self._gl.make_current()
        except Exception as error:  # whatever the OpenGL binding raises
            raise DeviceError(f"{NO_LIBRARY}: {error}") from error
        self._context: Any = None

    def __enter__(self) -> Renderer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free what the graphics library holds."""
        if self._context is not None:
            self._gl.make_current()
            self._context.free()
            self._context = None
        self._gl.free()

    def open(self, scene: Scene) -> None:
        """Build and upload a scene; from now on it is the one that is drawn."""
        mujoco = self._mujoco
        self._gl.make_current()
        if self._context is not None:
            self._context.free()
        self._model = self._build(scene)
        self._data = mujoco.MjData(self._model)
        self._scene = mujoco.MjvScene(self._model, self._model.ngeom + 8)
        self._context = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_50.value)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._context)
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        self._camera.fixedcamid = 0
        self._options = mujoco.MjvOption()
        self._update()

    def film(self, scenes: Sequence[Scene]) -> Iterator[NDArray[np.uint8]]:
        """Draw scenes that differ in poses alone, one after another; each stays open meanwhile."""
        self.open(scenes[0])
        for scene in scenes:
            for index, thing in enumerate([*scene.things, *scene.props]):
                body = self._model.body(f"thing{index}")
                body.pos[:] = thing.position
                self._mujoco.mju_mat2Quat(body.quat, thing.orientation.flatten())
            self._update()
            yield self.picture()

    def geoms_of(self, index: int) -> NDArray[np.int32]:
        """Return the numbers that `geoms` gives the pieces of thing `index`, one after another."""
        body = self._model.body(f"thing{index}")
        return np.arange(body.geomadr[0], body.geomadr[0] + body.geomnum[0], dtype=np.int32)

    @property
    def first_of_room(self) -> int:
        """The number from which on `geoms` are of the table and the room, not of things."""
        return int(self._model.body("room").geomadr[0])

    def picture(self) -> NDArray[np.uint8]:
        """Return what the camera sees, RGB [HEIGHT, WIDTH, 3]."""
        return self._draw(1, segments=False)

    def geoms(self) -> NDArray[np.int32]:
        """Return the geom seen at each pixel [HEIGHT, WIDTH], -1 where there is none."""
        return self._segments(1)

    def area_alone(self, geoms: NDArray[np.int32], coarse: int) -> int:
        """Count the pixels of a thing, given by its geoms, were nothing in front of it.

        Counted on a grid `coarse` times as coarse, and scaled to that of `picture`.
        """
        model = self._model
        before = model.geom_group.copy()
        model.geom_group[:] = HIDDEN_GROUP
        model.geom_group[geoms] = 0
        self._options.geomgroup[HIDDEN_GROUP] = 0
        self._update_view()
        seen = self._segments(coarse)
        model.geom_group[:] = before
        self._options.geomgroup[HIDDEN_GROUP] = 1
        self._update_view()
        return int((seen >= 0).sum()) * coarse**2

    def _update(self) -> None:
        self._mujoco.mj_kinematics(self._model, self._data)
        self._mujoco.mj_camlight(self._model, self._data)
        self._update_view()

    def _update_view(self) -> None:
        mujoco = self._mujoco
        mujoco.mjv_updateScene(
            self._model,
            self._data,
            self._options,
            None,
            self._camera,
            mujoco.mjtCatBit.mjCAT_ALL.value,
            self._scene,
        )

    def _segments(self, coarse: int) -> NDArray[np.int32]:
        pixels = self._draw(coarse, segments=True).astype(np.int32)
        numbers = pixels[..., 0] + (pixels[..., 1] << 8) + (pixels[..., 2] << 16)
        kind = self._mujoco.mjtObj.mjOBJ_GEOM
        drawn = self._scene.geoms[: self._scene.ngeom]
        table = np.full(int(max((g.segid for g in drawn), default=0)) + 2, -1, np.int32)
        for geom in drawn:
            if geom.objtype == kind and geom.segid >= 0:
                table[geom.segid + 1] = geom.objid
        return np.asarray(table[numbers])

    def _draw(self, coarse: int, *, segments: bool) -> NDArray[np.uint8]:
        mujoco = self._mujoco
        flags = self._scene.flags
        flags[mujoco.mjtRndFlag.mjRND_SEGMENT] = segments
        flags[mujoco.mjtRndFlag.mjRND_IDCOLOR] = segments
        flags[mujoco.mjtRndFlag.mjRND_SHADOW] = not segments
        width, height = WIDTH // coarse, HEIGHT // coarse
        view = mujoco.MjrRect(0, 0, width, height)
        pixels = np.empty((height, width, 3), np.uint8)
        mujoco.mjr_render(view, self._scene, self._context)
        mujoco.mjr_readPixels(pixels, None, view, self._context)
        return np.ascontiguousarray(pixels[::-1])
