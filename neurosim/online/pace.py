"""How many samples are taken together, so that nothing that comes between chunks waits long."""

from neurosim.checks import LARGEST, whole
from neurosim.errors import ConfigError

AUTO = "auto"  # as many samples as have arrived, within the bounds below
MOST = 256  # samples: a call for more saves nothing
LONGEST = 5_000_000  # nanoseconds that a snapshot, a signal or progress may wait for a chunk
AIM = LONGEST // 2  # as the next samples may take longer than the last ones
GROWTH = 2  # a chunk is at most so many times as large as the one before
TOGETHER = 16  # samples that came alone and are noted at once: it would take as long as a tenth of their learning
KEPT = 0.8  # weight of the chunks before beside the next one's: one that was interrupted is soon forgotten


def check_chunk(chunk: object) -> None:
    """Refuse what is no number of samples to take together, and not `AUTO` either."""
    if isinstance(chunk, str) and chunk != AUTO:
        raise ConfigError("chunk", f"{AUTO}, or a whole number of at least 1", chunk)
    if chunk != AUTO:
        whole("chunk", chunk, 1, LARGEST)


class Pace:
    """Tells how many samples the next chunk may have.

    With `auto`, as many as take half of the longest wait at the pace of the latest chunks. Chunks begin with one sample
    and grow, as the first samples may be blank.

    Parameters
    ----------
    chunk : int or "auto"
        A number is always kept to, or to the next multiple.
    multiple : int
        Samples that must come together: see `neurosim.chip.pipeline.whole_windows`.

    Attributes
    ----------
    multiple : int
    auto : bool
        Whether chunks may have any number of samples.
    size : int
        Samples of the next chunk, at most.
    """

    def __init__(self, chunk: int | str, multiple: int = 1) -> None:
        self.auto, self.multiple = chunk == AUTO, multiple
        self.size = self.whole(1 if self.auto else int(chunk))
        self._samples = self._nanoseconds = 0.0  # of the latest chunks, older ones by less and less
        self._alone, self._took = 0, 0  # single samples that are not among them yet, and their nanoseconds

    def note(self, samples: int, nanoseconds: int) -> None:
        """Take note of how long a chunk of samples took."""
        if not self.auto:
            return
        if samples == 1 < self.size and self._alone < TOGETHER and nanoseconds * self.size < LONGEST:
            self._alone, self._took = self._alone + 1, self._took + nanoseconds
            return
        self._samples = KEPT * self._samples + samples + self._alone
        self._nanoseconds = KEPT * self._nanoseconds + nanoseconds + self._took
        self._alone = self._took = 0
        within = AIM * self._samples / max(1.0, self._nanoseconds)
        grown = GROWTH * self.size if samples == self.size else self.size
        self.size = self.whole(int(max(1, min(within, grown, MOST) // self.multiple * self.multiple)))

    def whole(self, samples: int) -> int:
        """Return the next multiple from so many samples on."""
        return -(-samples // self.multiple) * self.multiple
