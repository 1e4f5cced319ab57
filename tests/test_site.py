"""The site as its readers meet it, without Quarto: every notebook goes through nbdev's processors, and the pages are read.

A check goes through a page and yields its faults; the test lists those of all pages. Each check is tried on a page with its
fault. Where Quarto is at hand, the rendered pages are read, too.
"""
import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WIDTH, WIDTH_AT_HOME = 100, 80                      # letters of a shown line
LARGEST = 300_000                                   # bytes of a stored output
CONTRAST = 4.5                                      # of a text and its ground, WCAG 2 level AA
PREPARE = ("from nbdev.quarto import refresh_quarto_yml; from nbdev.serve import proc_nbs; "
           "refresh_quarto_yml(); proc_nbs(n_workers=0, force=True)")    # nbdev_proc_nbs, which would install Quarto first
PHRASES = {r"/(?:root|home|tmp|work|Users)/[\w.-]+/": "a path of a machine", r"\b[0-9a-f]{7,}-dirty\b": "a revision that nobody else has",
           r"[Tt]he user.s documents": "nobody knows them", r"\(the settings have changed since\)": "run it again",
           r"(?<![\w.,-])-0(\.0+)?(?![\w.,])": "a zero with a sign; format it with z, as in {:z.2f}",
           r"matplotlib\.axes\._axes|<\w+(\.\w+)+: \w+>|<(function|class|bound method)|\bobject at 0x": "a name of Python's own"}


class Page:
    """A page: its cells of text and of code, and what can be linked to in it."""

    def __init__(self, name: str, cells: list[dict]):
        self.name = name
        self.cells = [cell | {"source": "".join(cell["source"])} for cell in cells]
        self.texts = [cell["source"] for cell in self.cells if cell["cell_type"] == "markdown"]
        self.codes = [cell for cell in self.cells if cell["cell_type"] == "code"]
        self.outputs = [(cell["source"], output) for cell in self.codes for output in cell["outputs"]]
        self.prose = [re.sub(r"(?ms)^(```|~~~).*?^\1", "", text) for text in self.texts]     # without fenced code
        self.fenced = [found[1] for text in self.texts for found in re.finditer(r"(?ms)^```\w*\n(.*?)^```", text)]
        self.entries = [text for text in self.texts if re.match(r"### .*\{#[\w.]+\}\n", text)]
        self.ids = Counter(identifier for text in self.prose for identifier in identifiers(text))
        self.html = [text for _, output in self.outputs if (text := "".join(output.get("data", {}).get("text/html", "")))]

    def shown(self) -> list[str]:
        """Return the lines of code that a reader sees, of cells, entries and examples."""
        visible = [cell["source"] for cell in self.codes if not re.search(r"(?m)^#\| *(echo|include): false", cell["source"])]
        return [line for source in [*visible, *self.fenced] for line in source.splitlines() if not line.startswith("#|")]

    def printed(self) -> list[str]:
        """Return what the outputs show, as texts."""
        found = []
        for _, output in self.outputs:
            data = {kind: "".join(content) for kind, content in output.get("data", {}).items() if kind.startswith("text/")}
            if "text" in output:
                found.append("".join(output["text"]))
            elif "text/html" in data:
                found.append(re.sub(r"<style.*?</style>|<[^>]+>", " ", data["text/html"], flags=re.S))
            elif not any("image" in kind for kind in output.get("data", {})):
                found.append(data.get("text/plain", ""))
        return found


def signature_of(entry: str) -> str:
    """Return the signature that an entry shows."""
    return entry.split("```python\n")[1].split("\n```")[0]


def parameters_of(signature: str) -> list[str]:
    """Return the names of the parameters in a signature, of a class none where it shows its bases only."""
    try:
        tree = ast.parse(re.sub("^class ", "def ", signature) + ": pass")
    except SyntaxError:
        return []
    return [node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)]


def identifiers(text: str) -> list[str]:
    """Return what Pandoc makes of the headings of a text, or what stands there in braces or in HTML."""
    found = re.findall(r"""\bid=["']?([\w.-]+)""", text)
    for heading in re.findall(r"(?m)^#+ +(.*?) *$", text):
        if named := re.search(r"\{#([\w.-]+)[^}]*\}$", heading):
            found.append(named[1])
            continue
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        plain = re.sub(r"[^\w\s.-]", "", plain).strip().lower()
        found.append(re.sub(r"^[^a-z]+", "", re.sub(r"\s+", "-", plain)) or "section")
    return found


def statements(source: str) -> list[ast.stmt]:
    """Return the statements of a cell, without its magics."""
    return ast.parse(re.sub(r"(?m)^[%!].*$", "", source)).body


class Site:
    """All pages, and the folder in which Quarto would render them."""

    def __init__(self, folder: Path, pages: list[Page]):
        self.folder, self.pages = folder, {page.name: page for page in pages}


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Site:
    """What Quarto would be given, made from a copy of the project."""
    copy = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "nbs", copy / "nbs", ignore=shutil.ignore_patterns(".ipynb_checkpoints", "nbdev.yml"))
    shutil.copy(ROOT / "settings.ini", copy)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([sys.executable, "-c", PREPARE], cwd=copy, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    paths = sorted((copy / "_proc").glob("*.ipynb"))
    return Site(copy / "_proc", [Page(path.name, json.loads(path.read_text(encoding="utf-8"))["cells"]) for path in paths])


def broken_links(page: Page, site: Site) -> Iterator[str]:
    """Each link leads to a page, a heading or an entry; none leaves the site for the site."""
    found = [target for text in page.prose for target in
             re.findall(r"(?<!!)\[(?:[^][]|\[[^]]*\])*\]\(\s*<?([^)\s>]+)", re.sub(r"(`+).+?\1", "", text))]
    found += [target for text in [*page.prose, *page.html] for target in re.findall(r"""<a\s[^>]*href=["']([^"']+)""", text)]
    for target in found:
        name, _, anchor = target.partition("#")
        other = site.pages.get(name) if name else page
        if re.match(r"https?:|mailto:", target):
            if target.startswith(settings()["site-url"]):
                yield f"{target} leaves the site for the site"
        elif other is None and not (site.folder / name).is_file():
            yield f"{target} is no page"
        elif other is not None and anchor and anchor not in other.ids:
            yield f"{target} is no heading or entry"


def doubled_names(page: Page, site: Site) -> Iterator[str]:
    """Where two headings are alike, Pandoc counts the second; an entry's own name must not occur twice."""
    for entry in page.entries:
        if page.ids[identifiers(entry)[0]] > 1:
            yield f"{identifiers(entry)[0]} is the name of an entry and of a heading"


def broken_pictures(page: Page, site: Site) -> Iterator[str]:
    """Each picture is there and has a text for who cannot see it."""
    for alt, target in [found for text in page.prose for found in re.findall(r"!\[([^]]*)\]\(\s*<?([^)\s>]+)", text)]:
        if not alt.strip() or not (site.folder / target).is_file():
            yield f"{target} is not there or has no text"
    for tag in [found for text in [*page.prose, *page.html] for found in re.findall(r"<img\s[^>]*>", text)]:
        if not re.search(r"""alt=["'][^"']+""", tag):
            yield f"{tag[:80]} has no text"
    for source, output in page.outputs:
        drawn = any(kind.startswith("image") for kind in output.get("data", {}))
        if drawn and not re.search(r"(?m)^#\| *fig-alt: *\S", source):
            yield f"no fig-alt: {source[:60]!r}"


def open_sources(page: Page, site: Site) -> Iterator[str]:
    """The source below an entry is folded, and so are cells that only import."""
    for i, cell in enumerate(page.cells):
        if cell["source"] in page.entries:
            below = next(later["source"] for later in page.cells[i:] if later["cell_type"] == "code")
            if not below.startswith("#| code-fold: true\n#| code-summary:"):
                yield f"not folded: {below[:60]!r}"
    for source in (cell["source"] for cell in page.codes):
        body = statements(source)
        if body and all(isinstance(node, (ast.Import, ast.ImportFrom)) for node in body):
            if not re.search(r"(?m)^#\| *(code-fold: true|echo: false)", source):
                yield f"not folded: {source[:60]!r}"


def empty_entries(page: Page, site: Site) -> Iterator[str]:
    """An entry has a signature with names in it, and a sentence."""
    for text in page.entries:
        signature, said = signature_of(text), text.split("\n```")[-1].strip()
        if re.match(r"def [A-Z]", signature) or re.search(r"\(\*\w+, \*\*\w+\)", signature) or len(said) < 10:
            yield f"says nothing: {text[:100]!r}"


def misleading_links(page: Page, site: Site) -> Iterator[str]:
    """A parameter of an entry is no link on its page, and no single word is one unless it is a call."""
    parameters = {name for entry in page.entries for name in parameters_of(signature_of(entry))}
    for name, called in re.findall(r"\[`(\w+)(\()?[^`]*`\]\([\w.]*#\w+\)", "\n".join(page.prose)):
        if not called and (name in parameters or name.islower() and "_" not in name):
            yield f"{name} may be a parameter and is a link"


def wide_lines(page: Page, site: Site) -> Iterator[str]:
    """A shown line fits, on the home page a printed one, too; elsewhere printed lines wrap."""
    home = page.name == "index.ipynb"
    printed = [line.rstrip() for text in page.printed() for line in text.splitlines()] if home else []
    for line in [*page.shown(), *printed]:
        if len(line) > (WIDTH_AT_HOME if home else WIDTH):
            yield f"{len(line)} letters: {line[:60]}"


def large_outputs(page: Page, site: Site) -> Iterator[str]:
    """No stored output makes a page slow."""
    for source, output in page.outputs:
        if (size := len(json.dumps(output))) > LARGEST:
            yield f"{size} bytes: {source[:60]!r}"


def dead_widgets(page: Page, site: Site) -> Iterator[str]:
    """A widget needs a kernel; a page shows a picture of the same function instead, and the widget's cell is hidden."""
    for source, output in page.outputs:
        if any("widget" in kind or "javascript" in kind for kind in output.get("data", {})):
            yield f"dead: {source[:60]!r}"


def split_prints(page: Page, site: Site) -> Iterator[str]:
    """What a cell prints stands in one frame."""
    for cell in page.codes:
        names = [output.get("name") for output in cell["outputs"]]
        if any(one == other is not None for one, other in zip(names, names[1:])):
            yield f"several frames: {cell['source'][:60]!r}"


def writers_words(page: Page, site: Site) -> Iterator[str]:
    """No word that only its writer can understand."""
    for text in [*page.prose, *page.printed()]:
        for phrase, why in PHRASES.items():
            for found in re.finditer(phrase, text):
                yield f"{text[max(0, found.start() - 30):found.end() + 20]!r}: {why}"


def doubled_backslashes(page: Page, site: Site) -> Iterator[str]:
    """A formula with doubled backslashes is a box of errors."""
    for text in page.prose:
        for formula in re.findall(r"\$\$.+?\$\$|\$[^$\n]+\$", re.sub(r"`[^`]*`", "", text), flags=re.S):
            if re.search(r"\\\\[a-zA-Z]", formula):
                yield formula


def text(source: str) -> dict:
    return {"cell_type": "markdown", "source": source}


def code(source: str, *outputs: dict) -> dict:
    return {"cell_type": "code", "source": source, "outputs": outputs}


def printed(words: str) -> dict:
    return {"output_type": "stream", "name": "stdout", "text": words}


def shown(kind: str, content: str = "x") -> dict:
    return {"output_type": "display_data", "data": {kind: content}}


ENTRY = "### half {#half}\n\n```python\ndef half(x: int, rate_of: int)\n```\n\nReturn the half of it."
FOLDED = code('#| code-fold: true\n#| code-summary: "Source of half"\ndef half(x, rate_of): return x / 2')
CHECKS = {          # a check, what passes it, and cells with one fault each
    broken_links: ([text("# A-b 3.5 `c`\n[a](#a-b-3.5-c) [`x[0]`](a.ipynb) `[b](c)` <a href='#a-b-3.5-c'>d</a> <b id='e'> [f](#e)")],
                   [text("[a](#nowhere)"), text("[a](b.ipynb)"), text("[`half`](a.ipynb#half)"), code("1", shown("text/html", "<a href='b.html'>")),
                    text("[a](https://celestial-pgat.github.io/celestial-pgat/a.html)")]),
    doubled_names: ([text(ENTRY), text("## Half of it")], [[text("## Half"), text(ENTRY)]]),
    broken_pictures: ([code("#| fig-alt: A wheel.\n1", shown("image/png"))],
                      [text("![alt](images/none.png)"), text("<img src='a.png'>"), code("1", shown("image/png")),
                       code("#| fig-alt:\n1", shown("image/svg+xml"))]),
    open_sources: ([text(ENTRY), FOLDED, code("#| code-fold: true\nimport ast")], [code("import ast"), [text(ENTRY), code("def half(x): pass")]]),
    empty_entries: ([text(ENTRY)], [text(ENTRY.replace("half(x", "Half(x")), text(ENTRY.replace("x: int, rate_of: int", "*args, **kwargs")),
                                    text(ENTRY.replace("Return the half of it.", ""))]),
    misleading_links: ([text(ENTRY), text("[`half(3)`](#half) [`half_of`](a.ipynb#half)")],
                       [[text(ENTRY), text("[`half`](#half)")], [text(ENTRY), text("[`rate_of`](a.ipynb#rate_of)")]]),
    wide_lines: ([code("x" * 100), code("1", printed("x" * 101))], [code("x" * 101), text("```\n" + "x" * 101 + "\n```")]),
    large_outputs: ([code("1", printed("x" * 299_000))], [code("1", printed("x" * 300_000))]),
    dead_widgets: ([code("1", shown("text/html"))], [code("1", shown("application/vnd.jupyter.widget-view+json")), code("1", shown("application/javascript"))]),
    split_prints: ([code("1", printed("a"), shown("text/plain"), printed("b"))], [code("1", printed("a"), printed("b"))]),
    writers_words: ([text("the documents this project set out from"), code("1", printed("1 -0.01 x-0 2018-01-04 -0.5 a <folder>/b 10 / home / x"))],
                    [text("The user's documents say"), *(code("1", printed(words)) for words in (
                        "in /home/me/runs/", "revision 1b67ee5b82ea-dirty, 2 cores", "sweep (the settings have changed since)", "a -0.00 b", "-0.0%",
                        "[-0]", "{<Body.SUN: 0>: 1}", "matplotlib.axes._axes.Axes", "<function f at 0x7f3>"))]),
    doubled_backslashes: ([text("$\\frac a b$ and `$\\\\a$` and $$a \\\\ b$$")], [text("$$\na \\\\top\n$$"), text("$\\\\frac a b$")]),
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_pages(check: Callable, site: Site):
    faults = [f"{page.name}: {fault}" for page in site.pages.values() for fault in check(page, site)]
    assert not faults, f"{check.__doc__}\n" + "\n".join(faults)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_each_check_finds_its_fault(check: Callable, tmp_path):
    good, faulty = CHECKS[check]
    for cells, count in [(good, 0), *((one if isinstance(one, list) else [one], 1) for one in faulty)]:
        page = Page("a.ipynb", cells)
        assert len([*check(page, Site(tmp_path, [page]))]) == count, cells
    home = Page("index.ipynb", [code("x" * 81), code("1", printed("x" * 81))])
    assert len([*wide_lines(home, Site(tmp_path, [home]))]) == 2


def test_every_notebook_is_a_page(site):
    assert site.pages.keys() == {path.name for path in (ROOT / "nbs").glob("*.ipynb")}
    titles = {page.name: re.search(r"(?m)^title: '?(.*?)'?$", page.cells[0]["source"])[1] for page in site.pages.values()}
    for name, number in ((name, re.match(r"\d*", name)[0]) for name in titles):
        assert not number or titles[name].startswith(f"{number} "), f"{name} is called {titles[name]}"


def test_every_exported_cell_is_shown_and_every_public_symbol_has_an_entry(site):
    """Imports differ, since those of the library are relative in a module."""
    faults = []
    for module in sorted(ROOT.glob("celestial_pgat/**/*.py")):
        first, *cells = re.split(r"\n# %% .*\n", module.read_text(encoding="utf-8"))
        if not (made_from := re.search(r"File to edit: \S*?([\w.]+\.ipynb)", first)):
            continue
        page = site.pages[made_from[1]]
        on_page = "\n\0".join(cell["source"] for cell in page.codes)
        for cell in (cell.strip() for cell in cells if not re.match(r"__all__|import |from ", cell)):
            faults += [f"{page.name} does not show: {cell[:60]!r}"] * (cell not in on_page)
            faults += [f"{page.name} has no entry of {name}" for name in re.findall(r"(?m)^(?:def|class) ([^_]\w*)", cell)
                       if name.lower() not in page.ids]
    assert not faults, "\n" + "\n".join(faults)


def settings() -> dict:
    """Return the settings of the site, those of its navigation bar and of the sidebar among them."""
    found = yaml.safe_load((ROOT / "_quarto.yml").read_text())
    made = yaml.safe_load((ROOT / "nbs" / "sidebar.yml").read_text())["website"]
    website = found["website"]
    return found | website | {key: website.get(key, {}) | made.get(key, {}) for key in ("navbar", "sidebar")}


def entries_of(part: object) -> list[dict]:
    """Return all mappings within a part of the settings."""
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else []
    return ([part] if isinstance(part, dict) else []) + [found for one in inner for found in entries_of(one)]


def test_files_named_in_the_settings_are_there(site):
    website = settings()
    named = [entry["href"] for entry in entries_of([website["navbar"], website["sidebar"]]) if "href" in entry]
    named += [website["favicon"], website["open-graph"]["image"], *(theme for theme in website["format"]["html"]["theme"] if "." in theme)]
    inner = [name for name in named if not name.startswith("https:")]
    assert len(inner) > len(site.pages) and [name for name in inner if not (site.folder / name).is_file()] == []
    icons = [entry for entry in entries_of(website["navbar"]) if "icon" in entry]
    assert icons and all(entry.get("text") or entry.get("aria-label") for entry in icons), "an icon needs a text for who cannot see it"


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour such as #1b2a49, as WCAG 2 defines it."""
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear))


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_colours_can_be_told_apart():
    assert round(contrast("#000000", "#ffffff"), 2) == 21 and round(contrast("#777777", "#ffffff"), 2) == 4.48
    bar, styles = settings()["navbar"], (ROOT / "nbs" / "styles.scss").read_text()
    colours = dict(re.findall(r"(?m)^\$([\w-]+): *(#[0-9a-f]{6});", styles))
    pairs = {"navigation bar": (bar["foreground"], bar["background"]), "where the mouse is": (colours["navbar-hl"], bar["background"]),
             "link": (colours["link-color"], "#ffffff"), "link in the text of code": (colours["link-color"], colours["code-ground"])}
    assert {name: round(contrast(*pair), 2) for name, pair in pairs.items() if contrast(*pair) < CONTRAST} == {}


def test_the_reader_is_led_and_nothing_is_cut_off():
    """What was tried on a rendered site: none of it may get lost."""
    website, styles = settings(), (ROOT / "nbs" / "styles.scss").read_text()
    page = website["format"]["html"]
    assert website["page-navigation"] and website["back-to-top-navigation"] and website["page-footer"]
    assert website["sidebar"]["style"] == "docked" and website["sidebar"]["collapse-level"] == 1
    assert page["lightbox"] == "auto" and page["toc-expand"] == 2 and page["grid"]["body-width"] == "920px"
    assert re.search(r"\$code-block-font-size: 0\.78rem", styles) and re.search(r"white-space: pre-wrap", styles)
    assert re.search(r'mjx-container\[display="true"\]\s*\{[^}]*overflow-x: auto', styles), "wide formulas scroll, not the page"


def make_docs(folder: Path, **programs: str) -> subprocess.CompletedProcess:
    """Say `make docs` where pip and the others do as these scripts say; nothing is installed and no Quarto is at hand."""
    (folder / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", folder)
    for name in ("settings.ini", "setup.py", "constraints.txt", ".venv/dev.stamp"):
        (folder / name).touch()
    for name, script in {"python": "echo python $*", "nbdev_docs": "quarto render", **programs}.items():
        (folder / ".venv" / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / ".venv" / "bin" / name).chmod(0o755)
    return subprocess.run(["make", "docs"], cwd=folder, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True)


@pytest.mark.skipif(shutil.which("quarto", path="/usr/bin:/bin") is not None, reason="Quarto is installed for everybody here")
def test_the_site_is_made_with_a_quarto_of_its_own(tmp_path):
    refused = make_docs(tmp_path / "offline", pip="echo a long story; exit 1")
    assert refused.returncode != 0 and refused.stdout.count("\n") == 1 and "install Quarto 1.7 from https://quarto.org" in refused.stdout
    assert (tmp_path / "offline" / ".venv" / "docs.log").read_text() == "a long story\n"
    bin = ".venv/lib/python3.11/site-packages/quarto_cli/bin"
    fetch = f"mkdir -p {bin}; printf '#!/bin/sh\\necho rendered; exit CODE' >{bin}/quarto; chmod +x {bin}/quarto"
    made = make_docs(tmp_path / "online", pip=fetch.replace("CODE", "0"))
    assert made.returncode == 0 and made.stdout.endswith("rendered\n"), made.stderr
    assert make_docs(tmp_path / "broken", pip=fetch.replace("CODE", "7")).returncode != 0, "a page that cannot be rendered is no success"
    asked = re.search(r"(?m)^docs_requirements = quarto-cli==(1\.7)\.\d+$", (ROOT / "settings.ini").read_text())
    assert asked and f"Quarto {asked[1]}" in refused.stdout


class Reader(HTMLParser):
    """Collect from a rendered page what can be linked to, what is linked, and pictures without a text."""

    def __init__(self, text: str):
        super().__init__()
        self.ids, self.links, self.files, self.mute = Counter(), [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids.update([found["id"]] if "id" in found else [])
        self.links += [found["href"]] if tag == "a" and "href" in found else []
        self.files += [found["src"]] if "src" in found else []
        self.mute += [found.get("src", tag)] if tag == "img" and "alt" not in found else []


def faults_of(site: Path) -> list[str]:
    """Read all pages of a rendered site: links, pictures and their texts."""
    pages = {path.relative_to(site).as_posix(): Reader(path.read_text(encoding="utf-8")) for path in site.glob("*.html")}
    faults = [f"{name}: {picture[:60]} has no text" for name, page in pages.items() for picture in page.mute]
    for name, page in pages.items():
        for target in [*page.links, *page.files]:
            path, _, anchor = target.partition("#")
            path = path.partition("?")[0].removeprefix("./") or name
            if re.match(r"[a-z]+:|/", target) or not target:
                continue
            if not (site / path).exists():
                faults.append(f"{name}: {target} is not there")
            elif anchor and path in pages and anchor not in pages[path].ids:
                faults.append(f"{name}: {target} is no place on that page")
    return faults


def test_rendered_pages_are_read_right(tmp_path):
    (tmp_path / "a.html").write_text('<h2 id="x">X</h2><a href="b.html#y">y</a><a href="./b.html">b</a><img src="no.png" alt="">')
    (tmp_path / "b.html").write_text('<a href="a.html#x">x</a><a href="c.html">c</a><a href="https://example.org">e</a><img src="a.html">')
    assert sorted(faults_of(tmp_path)) == ["a.html: b.html#y is no place on that page", "a.html: no.png is not there",
                                           "b.html: a.html has no text", "b.html: c.html is not there"]


@pytest.mark.skipif(shutil.which("quarto") is None, reason="Quarto is not installed here; make docs gets it")
def test_the_rendered_site(site):
    done = subprocess.run(["quarto", "render", "--no-cache"], cwd=site.folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "WARN" not in done.stderr, done.stderr
    assert faults_of(site.folder / "_docs") == []
