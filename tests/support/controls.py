"""Controls of runs: what tests ask a run for between chunks."""


class Scripted:
    """Makes edits at their samples, and notes when it was asked and what was refused.

    Parameters
    ----------
    edits : dict
        Edits by the number of samples at which they are made; a function is called with that number, and returns them.
    every : int, optional
        Samples between two questions, if they are to come at others, too.
    """

    def __init__(self, edits, every=None):
        self.edits, self.every = edits, every
        self.asked, self.refusals = [], []

    def samples_left(self, samples):
        later = [sample - samples for sample in self.edits if sample > samples]
        return min([*later, *([self.every - samples % self.every] if self.every else [])], default=float("inf"))

    def between(self, samples):
        self.asked.append(samples)
        edits = self.edits.get(samples, ())
        return edits(samples) if callable(edits) else edits

    def refused(self, edit, why):
        self.refusals.append((edit, why))
