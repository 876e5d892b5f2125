"""Synapses laid in memory one by one, and each access walked address by address: plain Python, from the definitions."""

from collections import Counter


def lay(layout, inputs, neurons, copies, per_word):
    """Return the word of each synapse, {(copy, input, neuron): address}: row after row, each from a new word."""
    if layout == "input_major":
        rows = [[(c, i, j) for j in range(neurons)] for c in range(copies) for i in range(inputs)]
    else:
        rows = [[(c, i, j) for i in range(inputs)] for j in range(neurons) for c in range(copies)]
    address, word = {}, 0
    for row in rows:
        filled = 0
        for synapse in row:
            if filled == per_word:
                word, filled = word + 1, 0
            address[synapse] = word
            filled += 1
        word += 1
    return address


def steps(accessed, banks, ports):
    """Return how often the fullest bank must be asked: words by address modulo banks, `ports` of a bank at once."""
    fullest = max(Counter(word % banks for word in accessed).values(), default=0)
    return -(-fullest // ports)


class Core:
    """The memory of some neurons on a core.

    `positions` are what a sample's events reach: for each position, the synapses of a neuron that are active.
    """

    def __init__(self, layout, inputs, neurons, per_word, banks=1, ports=1, copies=1):
        self.layout, self.inputs, self.neurons, self.copies = layout, inputs, neurons, copies
        self.banks, self.ports = banks, ports
        ways = ["input_major", "neuron_major"] if layout == "transposable" else [layout]
        self.ways = {way: lay(way, inputs, neurons, copies, per_word) for way in ways}

    def words_stored(self):
        """Return the highest address, and one: what the memory must hold, where it is read one way."""
        return 1 + max(self.ways[self.layout].values())

    def integrate(self, positions):
        """Return the words read for a sample, and for each row, or for all at once, the steps these take."""
        if "input_major" in self.ways:
            address, read, taken = self.ways["input_major"], [], []
            for position, active in enumerate(positions):
                for i in active:
                    row = {address[position % self.copies, i, j] for j in range(self.neurons)}
                    read += row
                    taken.append(steps(row, self.banks, self.ports))
            return read, taken
        address, read = self.ways["neuron_major"], []
        for j in range(self.neurons):
            for position, active in enumerate(positions):
                read += {address[position % self.copies, i, j] for i in active}
        return read, [steps(read, self.banks, self.ports)]

    def learn(self, active, written, whole):
        """Return the words that learning changes, and the steps that reading and writing them takes."""
        touched = [(i, j) for j in written for i in (range(self.inputs) if j in whole else active)]
        found = []
        for address in self.ways.values():
            words = {address[c, i, j] for i, j in touched for c in range(self.copies)}
            found.append((len(words), steps(list(words) * 2, self.banks, self.ports)))
        return min(found, key=lambda pair: pair[0])
