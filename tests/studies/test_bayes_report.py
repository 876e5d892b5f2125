"""The report of the Bayesian study: whatever cells are finished, tables, claims and figures are made of them."""

import random

import pytest
from made_up_records import record

from neurosim.experiments import tables
from neurosim.experiments.cells import Folder
from neurosim.studies.bayes import study

WIDEST = 300  # characters of a cell of the table of claims: more cannot be read


def check(asked, finished):
    """Check all tables of these records; return the claims."""
    claims, *others = study.tables(asked, finished)
    for table in (claims, *others):
        assert all(len(row) == len(table.header) for row in table.rows)
        text = tables.markdown(table)
        assert "nan" not in text.split()
        assert "\n" not in "".join(cell for row in table.rows for cell in row)
    assert {holds for _, _, holds, _ in claims.rows} <= {"yes", "partly", "no"}
    assert len({claim for claim, *_ in claims.rows}) == len(claims.rows)
    return claims.rows


def made_up(asked, seed, share=1.0):
    """Return records of about this share of the cells."""
    draw = random.Random(seed).random
    return {cell.name: record(cell.settings, draw) for cell in asked if draw() <= share}


@pytest.mark.parametrize("share", [0.02, 0.1, 0.4, 0.9])
@pytest.mark.parametrize("sources", [{}, {"train": "digits:train", "test": "digits:test"}])
def test_any_cells_can_be_finished(share, sources):
    asked = study.cells(3, fast=False, **sources)
    for seed in range(5):
        check(asked, made_up(asked, seed, share))


@pytest.mark.parametrize("fast", [True, False])
def test_claims_of_all_cells_can_be_read(fast):
    asked = study.cells(3, fast)
    claims = check(asked, made_up(asked, 0))
    for row in claims:
        assert max(map(len, row)) <= WIDEST, row
    if not fast:
        assert len(claims) > 30


@pytest.mark.parametrize("part", study.PARTS)
def test_any_method_can_be_missing_or_alone(part):
    asked = [cell for cell in study.cells(2, fast=False) if cell.settings["part"] == part]
    finished = made_up(asked, 1)
    for method in {cell.settings["method"] for cell in asked}:
        of_method = {cell.name for cell in asked if cell.settings["method"] == method}
        check(asked, {name: made for name, made in finished.items() if name in of_method})
        check(asked, {name: made for name, made in finished.items() if name not in of_method})
        check([cell for cell in asked if cell.name in of_method], finished)


@pytest.mark.parametrize("share", [0.05, pytest.param(1.0, marks=pytest.mark.slow)])
def test_figures_are_drawn_of_what_is_finished(tmp_path, share):
    asked = study.cells(2, fast=False)
    names = study.figures(asked, made_up(asked, 2, share), Folder(tmp_path))
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.png")} == set(names)
    assert study.figures(asked, {}, Folder(tmp_path)) == []
    if share == 1:
        assert len(names) == 9
