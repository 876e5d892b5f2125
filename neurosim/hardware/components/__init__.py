"""Parts of a chip (memory, arithmetic, registers, routers) priced from published tables, by size, width, node, voltage.

`parts` holds what a description says of a part, `tables` what was read in the sources, `scaling` how a number is
carried to another node and voltage, and `expansion` what the parts of one chip come to: energies, area, leakage, and
the fastest clock. Nothing here knows a chip: that is the matter of `neurosim.hardware.chips`.
"""
