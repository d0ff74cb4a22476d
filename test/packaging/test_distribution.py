"""`pip install .` gives the core and the command, without ROS, and leaves ament's files alone."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

pytest.importorskip("pip")
requirements = pytest.importorskip("packaging.requirements")

ROOT = Path(__file__).resolve().parents[2]
NOT_SOURCE = shutil.ignore_patterns(
    ".venv", ".git", "data", "out", "build", "*.egg-info", "__pycache__", ".*_cache"
)
CORE = ("cli", "commands", "engine", "errors", "model", "regions", "resources", "streams")
FROM_THE_COMPUTER = {"torch", "numpy", "opencv-python-headless", "pillow"}


def run(*command: str | Path) -> str:
    """Run a command outside the checkout, with nothing of this environment; return its output."""
    hidden = ("PYTHONPATH", "LD_LIBRARY_PATH", "AMENT_PREFIX_PATH")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd="/", check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, folder / "source", ignore=NOT_SOURCE)
    build = ["wheel", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", folder]
    run(sys.executable, "-m", "pip", *build, folder / "source")
    (path,) = folder.glob("pixelrefer-*.whl")
    return path


def declared(wheel: Path) -> list[str]:
    with ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = Parser().parsestr(archive.read(name).decode())
    return [text for text in metadata.get_all("Requires-Dist", []) if "extra ==" not in text]


def installed_with_dependencies(
    declarations: list[str],
) -> Iterator[importlib.metadata.Distribution]:
    """Walk through the installed distributions that the declarations ask for, directly or not."""
    waiting, seen = [requirements.Requirement(text) for text in declarations], set()
    while waiting:
        requirement = waiting.pop()
        if str(requirement) in seen:
            continue
        seen.add(str(requirement))
        distribution = importlib.metadata.distribution(requirement.name)
        yield distribution
        for child in map(requirements.Requirement, distribution.requires or []):
            if child.marker is None or any(
                child.marker.evaluate({"extra": extra}) for extra in ("", *requirement.extras)
            ):
                waiting.append(child)


def fresh_python(folder: Path, declarations: list[str]) -> Path:
    """Make an environment that holds pip and what is declared, linked from this one."""
    dependencies = folder / "dependencies"
    dependencies.mkdir()
    for distribution in installed_with_dependencies(["pip", *declarations]):
        for top in {file.parts[0] for file in distribution.files or []} - {"..", "__pycache__"}:
            link = dependencies / top
            if not link.exists():
                link.symlink_to(Path(str(distribution.locate_file(top))))
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv" / "bin" / "python"
    (site_packages(python) / "dependencies.pth").write_text(f"{dependencies}\n")
    return python


@pytest.fixture(scope="module")
def plain_python(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """An environment with the wheel and exactly what it declares."""
    python = fresh_python(tmp_path_factory.mktemp("plain"), declared(wheel))
    pip_install(python, wheel)
    return python


def site_packages(python: Path) -> Path:
    return Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())


def pip_install(python: Path, *arguments: str | Path) -> None:
    run(python, "-m", "pip", "install", "--no-index", *arguments)


def test_the_command_is_there(plain_python: Path) -> None:
    assert "describe" in run(plain_python.parent / "pixelrefer", "--help")


def test_the_core_works_without_ros(plain_python: Path) -> None:
    program = f"""
import importlib, pkgutil, pixelrefer_ros
modules = pkgutil.walk_packages(pixelrefer_ros.__path__, "pixelrefer_ros.")
names = [module.name for module in modules if module.name.split(".")[1] in {CORE}]
for name in names:
    importlib.import_module(name)
assert pixelrefer_ros.Describer and pixelrefer_ros.Region
assert importlib.util.find_spec("rclpy") is None
print(len(names))
"""
    assert int(run(plain_python, "-c", program)) > 10


def test_configuration_models_and_demo_come_along(plain_python: Path) -> None:
    share = plain_python.parents[1] / "share" / "pixelrefer_ros"
    for folder in ("config", "demo", "models"):
        expected = sorted(path.name for path in (ROOT / folder).rglob("*") if path.is_file())
        assert (
            sorted(path.name for path in (share / folder).rglob("*") if path.is_file()) == expected
        )


def test_pip_leaves_generated_interfaces_alone(tmp_path: Path, wheel: Path) -> None:
    built = Path(sysconfig.get_path("purelib"))
    records = list(built.glob("pixelrefer_ros-*.egg-info"))
    if not records:
        pytest.skip("the interfaces are not installed in this environment's site-packages")
    python = fresh_python(tmp_path, [])
    site = site_packages(python)
    shutil.copytree(records[0], site / records[0].name)
    for folder in ("msg", "srv", "action"):
        shutil.copytree(built / "pixelrefer_ros" / folder, site / "pixelrefer_ros" / folder)
    interfaces = sorted((site / "pixelrefer_ros").rglob("*.py"))
    assert interfaces
    pip_install(python, "--no-deps", wheel)
    pip_install(python, "--no-deps", "--force-reinstall", wheel)
    assert all(path.exists() for path in interfaces)
    run(python, "-m", "pip", "uninstall", "--yes", "pixelrefer")
    assert all(path.exists() for path in interfaces)


def test_robot_requirements_are_the_declared_ones_that_no_robot_brings(wheel: Path) -> None:
    lines = (ROOT / "requirements" / "robot.txt").read_text(encoding="utf-8").splitlines()
    listed = {line for line in lines if line and not line.startswith("#")}
    ours = {
        str(requirement)
        for requirement in map(requirements.Requirement, declared(wheel))
        if requirement.name not in FROM_THE_COMPUTER
    }
    assert {str(requirements.Requirement(line)) for line in listed} == ours
