from __future__ import annotations

from pixelrefer_ros import errors


def subclasses(kind: type) -> set[type]:
    return {kind}.union(*(subclasses(child) for child in kind.__subclasses__()))


def test_every_code_but_none_has_an_error():
    codes = {error.code for error in subclasses(errors.PixelReferError)}
    assert codes == set(errors.ErrorCode) - {errors.ErrorCode.NONE}
