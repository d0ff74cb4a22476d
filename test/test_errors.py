from __future__ import annotations

import pytest

from pixelrefer_ros import errors


def subclasses(kind: type) -> set[type]:
    return {kind}.union(*(subclasses(child) for child in kind.__subclasses__()))


def test_every_code_but_none_has_an_error():
    codes = {error.code for error in subclasses(errors.PixelReferError)}
    assert codes == set(errors.ErrorCode) - {errors.ErrorCode.NONE}


UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("a cup \N{GREEK SMALL LETTER ALPHA}", "a cup \N{GREEK SMALL LETTER ALPHA}"),
        ("a\nb\tc\x1b[31m", f"a{UNPRINTABLE}b{UNPRINTABLE}c{UNPRINTABLE}[31m"),
        ("\u202egnp.exe\ud800\0", f"{UNPRINTABLE}gnp.exe{UNPRINTABLE}{UNPRINTABLE}"),
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 80 + "\N{HORIZONTAL ELLIPSIS}"),
        ("x" * 10**7, "x" * 80 + "\N{HORIZONTAL ELLIPSIS}"),
    ],
)
def test_foreign_text_is_shown_short_on_one_line_and_printable(text, expected):
    assert errors.shown(text) == expected
    assert errors.shown(text).isprintable()
