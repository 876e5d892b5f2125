"""The table of memory layouts in docs/memory.md can be made, and says what it says, on a smaller layer."""

from benchmarks.memory_layouts import COLUMNS, main


def test_rows_integrate_for_less_and_columns_learn_for_less(capsys):
    main(["--stream", "digits:train", "--neurons", "60", "--warm-up", "300", "--samples", "100"])
    head, *rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines()]
    assert tuple(head) == COLUMNS
    read = {row[0]: int(row[2].replace(",", "")) for row in rows}
    updated = {row[0]: int(row[3].replace(",", "")) for row in rows}
    for banks in ("1 bank", "8 banks"):
        rows_, columns, both = (f"{layout}, {banks}" for layout in ("input-major", "neuron-major", "transposable"))
        assert updated["as if packed"] < updated[both] <= updated[columns] < updated[rows_]
        assert read["as if packed"] <= read[rows_] == read[both] < read[columns]
