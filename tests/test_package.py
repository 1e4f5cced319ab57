"""The package as others get it: a source distribution, a wheel built of that, and its use elsewhere."""
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from configparser import ConfigParser
from email import message_from_bytes
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
TOP = ["LICENSE", "README.md", "MANIFEST.in", "constraints.txt", "pyproject.toml", "settings.ini", "setup.py"]
DATA = ["app/template.ipynb", "app/page.css", "sky/names.json"]    # kinds that the package takes along
PARTS = ["requirements", "lab_requirements", "rank_requirements", "search_requirements", "cluster_requirements", "dev_requirements"]

# what a person does first: the names at the top, a number of the sky, and a forecast of an untrained model
USE = """
import sys
from pathlib import Path
import celestial_pgat
import torch
from celestial_pgat import CelestialPGAT, preset, random_batch, wave_table
import pandas as pd
assert Path(celestial_pgat.__file__).is_relative_to(sys.argv[1]), celestial_pgat.__file__
assert wave_table(pd.date_range("2018-01-01", periods=3, tz="UTC")).shape == (3, 113)
cfg = preset("smoke")
forecast = CelestialPGAT(cfg.model)(random_batch(cfg, 2, seed=0))
assert torch.equal(forecast, torch.zeros(2, 3, 4)), "the random walk"
print(celestial_pgat.__version__)
"""


def settings() -> ConfigParser:
    found = ConfigParser(delimiters=["="], interpolation=None)
    found.read(ROOT / "settings.ini", encoding="utf-8")
    return found["DEFAULT"]


def call(*command: object, **kwargs) -> str:
    """Run a command in a process that finds no library by PYTHONPATH but the one given; return its output."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment |= kwargs.pop("environment", {})
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, env=environment, umask=0o022, **kwargs)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def own_files() -> list[str]:
    """List the files of the library, with the data files that are added to the copy."""
    found = [path.relative_to(ROOT).as_posix() for path in (ROOT / "celestial_pgat").rglob("*")
             if path.is_file() and path.suffix != ".pyc"]
    return sorted({*found, *(f"celestial_pgat/{name}" for name in DATA)})


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> tuple[Path, Path]:
    """Build in a copy, of which nothing but the named files is to be taken; return both distributions."""
    copy, made = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("made")
    shutil.copytree(ROOT / "celestial_pgat", copy / "celestial_pgat", ignore=shutil.ignore_patterns("__pycache__"))
    for name in TOP:
        shutil.copyfile(ROOT / name, copy / name)
    for name in [*(f"celestial_pgat/{name}" for name in DATA), "nbs/01.ipynb", "runs/run.json"]:
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text("{}")
    call(sys.executable, "-m", "build", "--no-isolation", "--outdir", made, copy)
    (source,), (wheel,) = made.glob("*.tar.gz"), made.glob("*.whl")
    return source, wheel


@pytest.fixture(scope="module")
def site(built, tmp_path_factory) -> Path:
    """The wheel, installed in a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-index", "--no-compile"]
    call(sys.executable, "-m", "pip", "install", *options, "--target", folder, built[1])
    return folder


def test_the_source_distribution_is_whole(built):
    with tarfile.open(built[0]) as archive:
        files = {member.name.partition("/")[2]: member.mode for member in archive.getmembers() if member.isfile()}
    made = {"PKG-INFO", "setup.cfg"}
    assert {name for name in files if ".egg-info/" not in name} == {*TOP, *own_files(), *made}
    assert not [name for name, mode in files.items() if mode & 0o444 != 0o444], "files that others cannot read"


def test_the_wheel_is_whole(built):
    with zipfile.ZipFile(built[1]) as archive:
        files = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
        described = next(name for name in files if name.endswith(".dist-info/METADATA"))
        metadata = message_from_bytes(archive.read(described))
    assert {name for name in files if ".dist-info/" not in name} == set(own_files())
    assert any(name.endswith("/LICENSE") for name in files)
    assert not [name for name, mode in files.items() if mode & 0o444 != 0o444], "files that others cannot read"
    asked = {str(Requirement(line)) for line in metadata.get_all("Requires-Dist") if "extra ==" not in line}
    assert asked == {str(Requirement(line)) for line in settings()["requirements"].split()}
    assert metadata["Version"] == settings()["version"] and metadata["Requires-Python"] == ">=3.11"


def test_it_works_away_from_the_checkout(site, tmp_path):
    code, environment = tmp_path / "use.py", {"PYTHONPATH": str(site)}
    code.write_text(USE)
    assert call(sys.executable, code, site, cwd=tmp_path, environment=environment).split() == [settings()["version"]]
    shown = call(sys.executable, site / "bin" / "celestial-pgat", "--help", cwd=tmp_path, environment=environment)
    assert "usage: celestial-pgat" in shown and "run" in shown


def test_the_version_stands_in_one_place():
    import celestial_pgat
    assert celestial_pgat.__version__ == settings()["version"]


@pytest.mark.parametrize("part", PARTS)
def test_the_bounds_admit_what_was_tried(part):
    """Each requirement of the library has a lower bound, and all admit what is installed and pinned."""
    pins = [Requirement(line) for line in (ROOT / "constraints.txt").read_text().splitlines() if line[:1].isalpha()]
    for line in settings()[part].split():
        asked = Requirement(line)
        assert version(asked.name) in asked.specifier, line
        assert part == "dev_requirements" or any(">=" in str(bound) for bound in asked.specifier), line
        for pin in pins:
            exact = [bound.version for bound in pin.specifier if bound.operator == "=="]
            assert pin.name != asked.name or all(one in asked.specifier for one in exact), f"{line} and {pin}"


def test_others_can_read_the_project():
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True)
    names = listed.stdout.split("\0")[:-1] if listed.returncode == 0 else [*TOP, *own_files()]
    paths = [path for name in names if (path := ROOT / name).is_file()]
    assert len(paths) > 50 and not [str(path) for path in paths if path.stat().st_mode & 0o444 != 0o444]
