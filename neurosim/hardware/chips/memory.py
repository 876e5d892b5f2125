"""The memory of a core as it is built: words, in which order synapses lie in them, banks, ports, accumulators."""

from dataclasses import dataclass

from neurosim.checks import one_of, whole
from neurosim.errors import ConfigError

INPUT_MAJOR, NEURON_MAJOR, TRANSPOSABLE = LAYOUTS = ("input_major", "neuron_major", "transposable")
REGISTERS, IN_MEMORY = ACCUMULATORS = ("registers", "memory")
WIDEST_WORD = 65_536  # bits
MOST_BANKS = 256
MOST_PORTS = 1024


@dataclass(frozen=True, slots=True)
class Memory:
    """Words of synaptic memory: what one access brings, and how many there are at once.

    A synapse is read, changed and written as part of its word, so that an update costs whole words however few of their
    synapses change. No synapse straddles two words, and each row begins at a word; what is left over at the end of a
    word or row is padding, which takes memory. Without this table each synapse is priced by itself, as if every word
    brought only synapses that are needed.

    Parameters
    ----------
    layout : {"input_major", "neuron_major", "transposable"}
        Which synapses share a word. "input_major": those of one input to consecutive neurons of the core; an event
        reads its input's row. "neuron_major": those of one neuron from consecutive inputs; the events of a sample are
        gathered first, then each neuron reads the words in which any of them has a synapse. "transposable": an array
        that is read and written both ways, as transposable SRAM is; events read rows, and learning takes rows or
        columns, whichever are fewer words. Changes energy, time and the memory that padding takes.
    word_bits : int
        Bits of a word, from 1 to 65,536; at least a synapse. Changes how many words an access takes.
    source : str
        Where these come from, or that they are assumed.
    banks : int
        Parts of a core's memory that work at once, from 1 to 256; default 1. A word lies in the bank of its address
        modulo this number. Changes time: the bank with most accesses decides.
    ports : int
        Words that a bank reads or writes at once, each through a port; from 1, default 1. An update takes two accesses
        of a word. Changes time.
    tag_bits : int
        Bits that each synapse has in a word beside its weight; from 0, default 0. Changes how many synapses a word
        holds.
    accumulators : {"registers", "memory"}
        Where the sums of integration are kept: in registers (default), without accesses, or in a memory beside that of
        the synapses, of as wide words, as many banks and ports. Changes energy and time.
    accumulator_bits : int, optional
        Bits of a sum, from 1 to a word; default `structure.neuron_bits`. With `accumulators = "memory"`.

    Raises
    ------
    ConfigError
        If a value is out of range.
    """

    layout: str
    word_bits: int
    source: str
    banks: int = 1
    ports: int = 1
    tag_bits: int = 0
    accumulators: str = REGISTERS
    accumulator_bits: int | None = None

    def __post_init__(self) -> None:
        one_of("memory.layout", self.layout, LAYOUTS)
        whole("memory.word_bits", self.word_bits, 1, WIDEST_WORD)
        whole("memory.banks", self.banks, 1, MOST_BANKS)
        whole("memory.ports", self.ports, 1, MOST_PORTS)
        whole("memory.tag_bits", self.tag_bits, 0, WIDEST_WORD)
        one_of("memory.accumulators", self.accumulators, ACCUMULATORS)
        if self.accumulator_bits is not None:
            whole("memory.accumulator_bits", self.accumulator_bits, 1, self.word_bits)
        if not isinstance(self.source, str) or not self.source.strip():
            raise ConfigError("memory.source", "text: where the layout comes from, or that it is assumed", self.source)

    def check_widths(self, weight_bits: int, neuron_bits: int | None) -> None:
        """Refuse words that the widest weight of the chip, or an accumulator, does not fit.

        Raises
        ------
        ConfigError
            Naming the key, the rule and the value.
        """
        needed = weight_bits + self.tag_bits
        if needed > self.word_bits:
            tags = f" and memory.tag_bits {self.tag_bits}" if self.tag_bits else ""
            rule = f"at least {needed}, a synapse: structure.weight_bits {weight_bits}{tags}"
            raise ConfigError("memory.word_bits", rule, self.word_bits, "a synapse never straddles two words")
        if self.accumulators == IN_MEMORY:
            key = "memory.accumulator_bits" if self.accumulator_bits is not None else "structure.neuron_bits"
            wide = self.accumulator_bits if self.accumulator_bits is not None else neuron_bits
            if not wide or wide > self.word_bits:
                rule = f"from 1 to memory.word_bits, {self.word_bits}, for accumulators in memory"
                raise ConfigError(key, rule, wide)

    def accesses(self, words: int, each: int = 1) -> int:
        """Return how many accesses one after the other some consecutive words take, with so many of each word."""
        in_fullest_bank = -(-words // self.banks)
        return -(-each * in_fullest_bank // self.ports)
