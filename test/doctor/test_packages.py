from __future__ import annotations

import re
from pathlib import Path

from pixelrefer_ros.doctor.finding import Level
from pixelrefer_ros.doctor.packages import PACKAGES, Needed, check_packages

ROOT = Path(__file__).resolve().parents[2]


def test_the_packages_are_those_of_setup_py():
    source = (ROOT / "setup.py").read_text(encoding="utf-8")
    required = re.search(r"install_requires=\[(.*?)\]", source, re.DOTALL)[1]
    listed = {
        name: (lowest, too_new or "")
        for name, lowest, too_new in re.findall(r'"([\w.-]+)>=([\d.]+)(?:,<([\d.]+))?"', required)
    }
    assert {name: (n.lowest, n.too_new) for name, n in PACKAGES.items()} == listed


def test_what_is_installed_here_is_fine():
    findings = list(check_packages())
    assert [finding.what for finding in findings] == list(PACKAGES)
    assert {finding.level for finding in findings} == {Level.OK}


def test_what_is_missing_too_old_or_too_new_is_an_error_with_the_cure():
    packages = {
        "no-such-package": Needed("no_such_package", "1.0"),
        "numpy": Needed("numpy", "1000"),
        "rich": Needed("rich", "1", "2.5"),
    }
    missing, old, new = check_packages(packages)
    assert {finding.level for finding in (missing, old, new)} == {Level.ERROR}
    assert "No module named 'no_such_package'" in missing.found
    assert missing.cure == "pip install 'no-such-package>=1.0'"
    assert old.found.endswith("needed is >=1000")
    assert new.cure == "pip install 'rich>=1,<2.5'"
