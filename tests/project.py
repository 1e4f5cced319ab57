"""Write what is made of the notebooks: `python tests/project.py`. Quarto is not needed.

README.md from nbs/index.ipynb, nbs/sidebar.yml from numbers and titles, nbs/names.qmd from the exported cells,
nbs/images/favicon.svg and card.png from the sky.
"""
import ast
import io
import json
import math
import re
from pathlib import Path

import nbformat
import yaml
from nbconvert import MarkdownExporter
from traitlets.config import Config

ROOT = Path(__file__).parents[1]
# of the sidebar, each with its first number
SECTIONS = {"Start here": 1, "The core": 6, "The sky": 10, "The market": 18, "The graph": 28, "Fusion": 40, "The model": 47,
            "Training": 60, "Judging": 68, "The application": 78, "Laboratories": 90}
DAY = "2000-01-01"      # of the sky that is drawn: the epoch J2000
INK, GROUND, SUN = "#1b2a49", "#ffffff", "#e69f00"


def readme_text() -> str:
    """Return the markdown of index.ipynb with images and notebooks seen from the project's root.

    The directives mean what they mean on the site: `hide` drops a cell, `echo: false` its source.
    """
    notebook = nbformat.read(ROOT / "nbs" / "index.ipynb", as_version=4)
    notebook.metadata["language_info"] = {"name": "python"}
    notebook.cells = [cell for cell in notebook.cells if not cell.source.startswith("#| hide")]
    for cell in notebook.cells:
        if cell.source.startswith("#| echo: false"):
            cell.metadata["tags"] = ["no-source"]
    drop = {"enabled": True, "remove_input_tags": {"no-source"}}
    text, _ = MarkdownExporter(config=Config({"TagRemovePreprocessor": drop})).from_notebook_node(notebook)
    text = re.sub(r"\]\((images/|\d\d_)", r"](nbs/\1", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def title(path: Path) -> str:
    """Return the title of a notebook with its number: "34 The graph combiner"."""
    first = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
    heading = re.match(r"# +(.+)", first)
    if heading is None:
        raise ValueError(f"{path.name} does not begin with its title; make its first cell '# Title' and '> subtitle'")
    return f"{re.match(r'[0-9]*', path.name)[0]} {heading[1].strip()}".strip()


def sidebar_text(folder: Path = ROOT / "nbs") -> str:
    """Return sidebar.yml: every notebook under its number and title, by section, and the menu of the navigation bar."""
    paths = sorted(folder.glob("[0-9]*.ipynb"))
    links = {path: {"text": title(path), "href": path.name} for path in paths}
    sections = {section: [] for section in SECTIONS}
    for path in paths:
        number = int(re.match(r"\d+", path.name)[0])
        sections[[section for section, first in SECTIONS.items() if first <= number][-1]].append(links[path])
    claims, pictures = (next(path.name for path in paths if path.stem.endswith(stem)) for stem in ("lab.claims", "sky.pictures"))
    menu = [dict(link) for link in sections["Laboratories"] if link["href"] != claims]
    bar = [{"text": "What holds", "href": claims}, {"text": "Laboratories", "menu": menu}, {"text": "Pictures", "href": pictures},
           {"text": "All names", "href": "names.qmd"}]
    contents = [{"text": title(folder / "index.ipynb"), "href": "index.ipynb"}]
    contents += [{"section": section, "contents": links} for section, links in sections.items() if links]
    website = {"navbar": {"left": bar}, "sidebar": {"contents": contents}}
    head = "# Written by tests/project.py from the numbers and titles of the notebooks.\n"
    return head + yaml.safe_dump({"website": website}, sort_keys=False, allow_unicode=True, width=200)


def names_text(folder: Path = ROOT / "nbs") -> str:
    """Return names.qmd: every public function and class from A to Z, with its first sentence and a link to its entry."""
    from celestial_pgat.app.pages import _first_sentence, _public, exported_source
    rows = []
    for path in sorted(folder.glob("[0-9]*.ipynb")):
        for node in _public(ast.parse(exported_source(json.loads(path.read_text(encoding="utf-8")))).body):
            link = f"[{node.name}]({path.name}#{node.name.lower()})"
            rows.append((node.name, link, path.stem.partition("_")[2], _first_sentence(node).replace("|", "\\|")))
    rows.sort(key=lambda row: (row[0].lower(), row[2]))
    head = ["---", "title: All names", "description: Every public function and class of the library, from A to Z.", "---", "",
            "| name | module | what it does |", "|---|---|---|"]
    return "\n".join([*head, *(f"| {' | '.join(row[1:])} |" for row in rows)]) + "\n"


def favicon_text() -> str:
    """Return the icon of the site as SVG: the thirteen bodies on the zodiac of DAY, the Sun larger than all others."""
    from celestial_pgat import Body, body_states
    sky = body_states([DAY])
    dots = []
    for body in Body:
        angle = float(sky[body.label, "longitude"].iloc[0])
        x, y = 32 - 22 * math.cos(angle), 32 + 22 * math.sin(angle)      # Aries at the left, and on against the clock
        colour, radius = (SUN, 7) if body is Body.SUN else (GROUND, 3)
        dots.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour}"/>')
    dots.sort(key=lambda dot: SUN in dot)                                 # the Sun is drawn last
    ring = f'<circle cx="32" cy="32" r="22" fill="none" stroke="{GROUND}" stroke-opacity="0.4"/>'
    parts = [f'<rect width="64" height="64" rx="12" fill="{INK}"/>', ring, *dots]
    return '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">\n' + "\n".join(parts) + "\n</svg>\n"


def card_bytes() -> bytes:
    """Return the picture that a link to the site is shown with, 1200 x 630 points: the sky of DAY and the question."""
    import matplotlib
    matplotlib.use("agg")
    from celestial_pgat import plot_wheel
    from matplotlib import image, pyplot as plt
    wheel = io.BytesIO()
    figure = plot_wheel(DAY).figure
    figure.savefig(wheel, dpi=150)
    plt.close(figure)
    card = plt.figure(figsize=(12, 6.3), facecolor=GROUND)
    sky = card.add_axes([0.0, 0.02, 0.53, 0.96])
    sky.imshow(image.imread(io.BytesIO(wheel.getvalue())))
    sky.axis("off")
    card.text(0.55, 0.72, "celestial_pgat", size=34, weight="bold", color=INK)
    card.text(0.55, 0.52, "Does the sky help\nto forecast a market?", size=25, color=INK, linespacing=1.3)
    card.text(0.55, 0.34, "A workbook that builds the model,\nand measures.", size=17, color=INK, linespacing=1.3)
    drawn = io.BytesIO()
    card.savefig(drawn, dpi=100, metadata={"Software": None})
    plt.close(card)
    return drawn.getvalue()


if __name__ == "__main__":
    images = ROOT / "nbs" / "images"
    (ROOT / "nbs" / "sidebar.yml").write_text(sidebar_text(), encoding="utf-8")
    (ROOT / "README.md").write_text(readme_text(), encoding="utf-8")
    (ROOT / "nbs" / "names.qmd").write_text(names_text(), encoding="utf-8")
    (images / "favicon.svg").write_text(favicon_text(), encoding="utf-8")
    if not (images / "card.png").exists():              # its bytes depend on the fonts at hand; to draw it anew, delete it
        (images / "card.png").write_bytes(card_bytes())
