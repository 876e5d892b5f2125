"""A point measured again from nothing but its row in the table."""

import json
from pathlib import Path
from typing import Any

from neurosim.errors import StateError
from neurosim.experiments.cells import Cell
from neurosim.experiments.data import Data
from neurosim.experiments.workers import one_thread
from neurosim.sweeps.search import Point
from neurosim.sweeps.tasks import Measure, done, tasks


def again(row: dict[str, Any], measure: Measure, root: str | Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measure a row's configuration again.

    Parameters
    ----------
    row : dict
        From `table.read`.
    measure : Measure
    root : path
        Folder of the data.

    Returns
    -------
    before, after : dict
        The row's measures, and those measured now.

    Raises
    ------
    StateError
        If the row is not done, its configuration cannot be read or is of another version, or the measure fails.
    """
    try:
        settings = json.loads(row["configuration"])
    except (LookupError, ValueError) as error:
        raise StateError(f"configuration of {row['key']} must be JSON, but: {error}") from None
    point = Point(Cell("sweep", measure.version, "point", settings), {})
    if point.key != row["key"]:
        raise StateError(f"point {row['key']} must be one of version {measure.version} of its measure, and is not")
    with one_thread():
        (record,) = done(measure, tasks([point], measure)[0], Data(root))
    if record["status"] != "done":
        raise StateError(f"point {row['key']} failed: {record['error']}")
    after = record["measures"]
    return {name: row.get(name) for name in after}, after
