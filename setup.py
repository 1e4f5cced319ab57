"""Package metadata, read from settings.ini so that it stands in one place."""
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
config = ConfigParser(delimiters=["="], interpolation=None)
config.read_string((here / "settings.ini").read_text(encoding="utf-8"))
project = config["DEFAULT"]

setup(
    name=project["lib_name"],
    version=project["version"],
    description=project["description"],
    long_description=(here / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author=project["author"],
    author_email=project["author_email"],
    license="Apache-2.0",
    license_files=["LICENSE"],
    keywords=project["keywords"],
    packages=find_packages(include=["celestial_pgat", "celestial_pgat.*"]),
    package_data={"celestial_pgat": ["**/*.ipynb", "**/*.css", "**/*.json"]},
    python_requires=">=" + project["min_python"],
    install_requires=project["requirements"].split(),
    extras_require={name: project[f"{name}_requirements"].split() for name in ("lab", "optim", "rank", "search", "logs", "cluster", "dev", "docs")},
    entry_points={
        "console_scripts": project["console_scripts"].split(),
        "nbdev": [f"{project['lib_path']}={project['lib_path']}._modidx:d"],
    },
)
