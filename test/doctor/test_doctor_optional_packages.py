from __future__ import annotations

import re
from pathlib import Path

from pixelrefer_ros.doctor.finding import Level
from pixelrefer_ros.doctor.optional_packages import PACKAGES, Optional, check_optional_packages

ROOT = Path(__file__).resolve().parents[2]


def test_every_extra_is_one_of_setup_py():
    source = (ROOT / "setup.py").read_text(encoding="utf-8")
    for name, package in PACKAGES.items():
        extra = re.search(rf'"{package.extra}": \[(.*?)\]', source, re.DOTALL)
        assert extra is not None, package.extra
        assert f'"{name}>=' in extra[1]


def test_present_missing_and_broken(tmp_path, monkeypatch):
    (tmp_path / "broken_package.py").write_text("raise OSError('libnothing.so: no such file')")
    monkeypatch.syspath_prepend(tmp_path)
    packages = {
        "numpy": Optional("numpy", "x", "numbers"),
        "absent": Optional("no_such_package", "export", "nothing"),
        "broken": Optional("broken_package", "export", "nothing"),
    }
    present, absent, broken = check_optional_packages(packages)
    assert (present.level, present.found[0].isdigit()) == (Level.OK, True)
    assert absent.level is Level.INFO
    assert absent.cure == "for nothing: pip install '.[export]' in a checkout of pixelrefer_ros"
    assert broken.level is Level.WARN
    assert "libnothing.so" in broken.found
