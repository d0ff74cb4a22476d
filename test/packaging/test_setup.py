"""What `make setup` says when something is missing, and what `make demo` passes on."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout without .venv, as far as the first steps of the set-up need it."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "setup", tmp_path / "scripts" / "setup")
    shutil.copy(ROOT / "Makefile", tmp_path / "Makefile")
    return tmp_path


def make(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"PYTHON": "/bin/false"}, "PYTHON=/bin/false is not a Python 3.10 to 3.13"),
        ({"PYTHON": sys.executable, "CC": "no-such-cc"}, "'no-such-cc' not found"),
        ({"PYTHON": sys.executable, "CXX": "no-such-c++"}, "apt install build-essential"),
    ],
)
def test_what_is_missing_is_named(checkout: Path, variables: dict[str, str], message: str) -> None:
    done = make(checkout, "setup", **variables)
    assert done.returncode != 0
    assert message in done.stderr
    assert not (checkout / ".venv").exists()


def test_demo_passes_on_what_is_given() -> None:
    command = make(ROOT, "--dry-run", "demo", "BAG=my bag", TOPIC="/camera").stdout
    assert 'pixelrefer demo --bag "my bag" --topic "/camera"' in " ".join(command.split())
    assert "--queries" not in command
