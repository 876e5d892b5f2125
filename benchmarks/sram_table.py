"""SRAM arrays by CACTI 7, for the parts of described chips: `neurosim/hardware/components/tables/sram.csv`.

python -m benchmarks.sram_table --cacti FOLDER --template FILE > neurosim/hardware/components/tables/sram.csv

FOLDER holds CACTI 7 (the executable `cacti` and `tech_params/`), FILE the defaults of hwcomponents-cacti
(`default_cfg.cfg`). Both come with the package hwcomponents-cacti, which needs Python 3.12; where its executable does
not run, `g++ -O1 -DNTHREADS=1 -o cacti *.cc -pthread` in its folder makes one. The 990 arrays take 10 minutes.
"""

import argparse
import csv
import subprocess
import tempfile
from pathlib import Path

KINDS = {"low_standby_power": "lstp", "high_performance": "hp", "low_operating_power": "lop"}
NODES_NM = (22, 32, 45, 65, 90)
SIZES_KB = tuple(2**power for power in range(11))
WORD_BITS = (8, 16, 32, 64, 128, 256)
COLUMNS = {
    "access_ns": (" Access time (ns)", 1), "cycle_ns": (" Random cycle time (ns)", 1),
    "read_pJ": (" Dynamic read energy (nJ)", 1000), "write_pJ": (" Dynamic write energy (nJ)", 1000),
    "leakage_mW": (" Standby leakage per bank(mW)", 1), "area_mm2": (" Area (mm2)", 1),
}  # fmt: skip


def configuration(template: str, kind: str, node_nm: int, kB: int, bits: int) -> str:
    """Return CACTI's configuration of one array with one port: the template, with what differs behind it."""
    own = {
        "size (bytes)": kB * 1024, "read-write port": 1, "block size (bytes)": bits // 8,
        "technology (u)": node_nm / 1000, "output/input bus width": bits, "UCA bank": 1, "cache type": '"ram"',
        "tag size (b)": 0, "associativity": 1,
    }  # fmt: skip
    lines = "\n".join(f"-{name} {value}" for name, value in own.items())
    return template.replace("itrs-lstp", f"itrs-{KINDS[kind]}") + f"\n{lines}\n"


def array(cacti: Path, text: str) -> dict[str, float]:
    """Return what CACTI gives for a configuration."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "array.cfg"
        path.write_text(text)
        subprocess.run(["./cacti", "-infile", str(path)], cwd=cacti, check=True, capture_output=True)
        with path.with_suffix(".cfg.out").open() as result:
            row = list(csv.DictReader(result))[-1]
    return {name: float(row[column]) * scale for name, (column, scale) in COLUMNS.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cacti", type=Path, required=True)
    parser.add_argument("--template", type=Path, required=True)
    asked = parser.parse_args()
    template = asked.template.read_text()
    print("# SRAM arrays by CACTI 7 with the defaults of hwcomponents-cacti 1.0.40 (least leakage, one port, 300 K):")
    print("# python -m benchmarks.sram_table")
    print(",".join(["transistors", "node_nm", "kB", "word_bits", *COLUMNS]))
    for kind in KINDS:
        for node_nm in NODES_NM:
            for kB in SIZES_KB:
                for bits in WORD_BITS:
                    found = array(asked.cacti, configuration(template, kind, node_nm, kB, bits))
                    print(",".join([kind, *map(str, (node_nm, kB, bits)), *(f"{found[name]:.6g}" for name in COLUMNS)]))


if __name__ == "__main__":
    main()
