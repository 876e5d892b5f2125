"""Look at what a chip has learned: figures, a report, and the gain explorer with its potentials, all in a folder.

Figures need matplotlib: pip install 'neurosim-chip[views]'. Run this with the name of a folder to keep what it makes.
"""

import sys
import tempfile
from pathlib import Path

import neurosim as ns

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)
train, test = ns.open_stream("digits:train"), ns.open_stream("digits:test")
chip = ns.Chip([ns.recipes.softhebb(100)], inputs=(1, 8, 8), seed=0).learn(train)

for name, figure in {
    "fields": ns.views.receptive_fields(chip),
    "neurons": ns.views.neurons(chip),
    "records": ns.views.records(chip),
    "winners": ns.views.winners(chip, test),
    "confusion": ns.views.confusion(chip, train, test),
}.items():
    figure.savefig(folder / f"{name}.png")

chip.save(folder / "chip.h5", position=chip.samples, stream=train.identity())
pages = {
    "run.html": ns.views.state_report(folder / "chip.h5", stream=test, hardware="loihi"),
    "explorer.html": ns.views.explorer_page(ns.views.chip_data(chip, test, [0, 1, 2])),
}
for name, page in pages.items():
    (folder / name).write_text(page, encoding="utf-8")
print("written:", *sorted(path.name for path in folder.iterdir()))
