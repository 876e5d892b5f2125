"""What the documentation names is there: files, modules, links and anchors; and its lines fit on a screen."""

import importlib
import importlib.util
import re
from pathlib import Path

import pytest
from test_architecture import FLOORS

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
NAMING = [*PAGES, *sorted((ROOT / "examples").iterdir())]
FOLDERS = {"benchmarks", "docs", "examples", "kernels", "neurosim", "tests", ".ci", ".github"}
WIDTH = 120

pages = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
naming = pytest.mark.parametrize("page", NAMING, ids=lambda path: str(path.relative_to(ROOT)))


def prose(text):
    """Return the text without its fenced code."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def code_spans(text):
    """Return what stands in backticks outside fenced code, each on one line."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose(text))]


def named_paths(text):
    """Return every path that begins with a folder of the repository, in prose, code spans and fenced code alike."""
    return {
        match.rstrip(".")
        for match in re.findall(r"(?<![\w./{-])((?:\.[a-z]+|[a-z]+)/[\w./*{},-]+)", text)
        if match.partition("/")[0] in FOLDERS
    }


def exists(path):
    """Tell whether a path of the repository is there; of `{a,b}` both, of `*` one."""
    alternatives = re.search(r"\{([^}]*)\}", path)
    if alternatives:
        return all(exists(path.replace(alternatives[0], name, 1)) for name in alternatives[1].split(","))
    return any(ROOT.glob(path)) if "*" in path else (ROOT / path).exists()


def anchors(page):
    """Return the anchors that GitHub gives to the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", prose(page.read_text()), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def resolved(name):
    """Return the object of a dotted name, whose modules are imported on the way."""
    target = importlib.import_module(name.partition(".")[0])
    at = target.__name__
    for piece in name.split(".")[1:]:
        at = f"{at}.{piece}"
        try:
            target = getattr(target, piece)
        except AttributeError:
            target = importlib.import_module(at)
    return target


@naming
def test_paths_of_the_repository_exist(page):
    missing = {path for path in named_paths(page.read_text()) if not exists(path)}
    assert not missing


@naming
def test_dotted_names_can_be_imported(page):
    text = page.read_text()
    names = set(re.findall(r"(?<![\w./-])(?:neurosim|benchmarks)(?:\.[A-Za-z_]\w*)+", text)) - {"neurosim.cli"}
    for name in names:
        if name.rpartition(".")[2] not in {"py", "toml"}:
            resolved(name)


@pages
def test_relative_links_and_anchors_resolve(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text())):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        assert other.exists(), target
        assert not anchor or anchor in anchors(other), target


@pages
def test_lines_are_wrapped(page):
    lines = prose(page.read_text()).splitlines()
    assert [line for line in lines if len(line) > WIDTH and not line.startswith("|")] == []


def test_the_floors_of_the_house_are_those_that_are_held():
    rows = re.findall(r"^\| (\d+) \| (.+?) \|", (ROOT / "docs" / "design.md").read_text(), flags=re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, len(FLOORS) + 1))
    assert [set(re.findall(r"`([^`]+)`", names)) for _, names in rows] == FLOORS


def test_the_examples_of_the_page_of_bayesian_chips_make_one_script(capsys):
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs" / "bayes.md").read_text(), re.DOTALL | re.MULTILINE)
    if importlib.util.find_spec("torch") is None:
        blocks = [block for block in blocks if "as_torch_module" not in block]
    exec("\n".join(blocks), {})
    right = dict(re.findall(r"^(none|noise|own|strong) +(0\.\d+)$", capsys.readouterr().out, re.MULTILINE))
    assert right["none"] > right["noise"] > right["own"] > right["strong"]


def test_the_checks_see_what_they_look_for():
    text = "`neurosim/store.py`, `kernels/nothing/*.py`, `docs/{cuda,nowhere}.md`, and/or, `tests/conftest.py`."
    found = named_paths(text)
    assert found == {"neurosim/store.py", "kernels/nothing/*.py", "docs/{cuda,nowhere}.md", "tests/conftest.py"}
    assert [path for path in sorted(found) if exists(path)] == ["tests/conftest.py"]
    with pytest.raises(ModuleNotFoundError):
        resolved("neurosim.store")
    assert "two-numbers-a-neuron" in anchors(ROOT / "docs" / "design.md")
