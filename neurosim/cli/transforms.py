"""Open a source of samples with the transforms that options ask for: augmented, standardised."""

import re
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from neurosim.cli.faults import echo_error
from neurosim.cli.options import SourceOptions
from neurosim.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from neurosim.streams import Stream
    from neurosim.streams.transforms import Standardise, Transform

PADDING = 4  # pixels, as is usual for images of 32
FLOAT_AS_STORED = re.compile("float[0-9]+ as stored")
SHORT_NUMBER = re.compile("[0-9]{1,9}")
AUGMENTATIONS = "crop, flip, pad, pad:N, noise:D, salt:SHARE, occlude:N, blur:D or contrast:FACTOR"


def open_transformed(source: str, options: SourceOptions) -> "Stream":
    """Open a source, and transform its images: augmented at random first, then standardised.

    Raises
    ------
    ConfigError
        If an option names an unknown transform, or the stream holds no images to transform.
    StreamError
        If the source cannot be opened.
    """
    from neurosim.streams import open_stream

    stream = open_stream(
        source, root=options.root, inputs=options.inputs, label=options.label, header=options.header,
        delimiter=options.delimiter, skip_bad=options.skip_bad,
        epochs=options.epochs, shuffle=options.shuffle, image_size=options.image_size,
        samples=options.samples_key, labels=options.labels_key, format=options.format, key=options.key,
        queue=options.queue, when_full=options.when_full, reconnect=options.reconnect, idle=options.idle,
        encode=options.encode, sensor=options.sensor,
    )  # fmt: skip
    _say_notes(stream)
    return _transformed(stream, options.augment, options.augment_seed, options.standardise)


def _say_notes(stream: "Stream") -> None:
    """Say on standard error what a reader of results should know of a stream, once a command."""
    context = click.get_current_context(silent=True)
    said: set[str] = set() if context is None else context.meta.setdefault(__name__, set())
    for note in stream.notes:
        if note not in said:
            echo_error(f"Note: {note}.")
            said.add(note)


def say_ready(stream: "Stream", waiting: "Callable[[], AbstractContextManager[object]]") -> None:
    """Begin to listen, if others come to this stream, and say on standard error that they can come now.

    Where the stream goes to others, as to a broker, it is said when it is there. The name of a host may be waited for:
    a signal that comes meanwhile, at which `waiting` raises `Stop`, ends that, and so the run has no sample.
    """
    from neurosim.online.stop import Stop

    with suppress(Stop), waiting():
        place = stream.prepare(lambda: echo_error(f"Receiving from {stream.name}."))
        if place is not None:
            echo_error(f"Listening at {place}.")


def say_numbers(numbers: "dict[str, str | None]", aloud: bool = True) -> list[str]:
    """Say on standard error where streams' stored numbers become inputs differently; return that as notes.

    Parameters
    ----------
    numbers : dict
        `Stream.numbers` by what the stream is for, what the chip or the readout was fitted on first; None if unknown.
        Floating-point numbers as stored are alike, whatever their type.
    aloud : bool
        Whether to say it: not where standard error is to hold one JSON object, which has the notes.
    """
    known = {use: text for use, text in numbers.items() if text is not None}
    if len({FLOAT_AS_STORED.sub("as stored", text) for text in known.values()}) < 2:
        return []
    told = ", ".join(f"{text} in {use}" for use, text in known.items())
    note = f"stored numbers become inputs differently: {told}; results hold only if all are on one scale"
    if aloud:
        echo_error(f"Note: {note}.")
    return [note]


def _transformed(stream: "Stream", augment: str | None, seed: int | None, standardise: str | None) -> "Stream":
    from neurosim.streams.transformed import transform

    if augment is None and seed is not None:
        raise ConfigError("augment_seed", "left out without --augment", seed)
    if augment is None and standardise is None:
        return stream
    transforms = [] if augment is None else [_augmentation(text, stream) for text in augment.split(",")]
    if standardise is not None:
        transforms.append(_standardise(standardise))
    return transform(stream, transforms, seed or 0)


def _augmentation(text: str, stream: "Stream") -> "Transform":
    """Return the transform that a text names; it keeps the shape, so test samples fit without being augmented."""
    from neurosim.streams import Occlusion, PadCrop, RandomFlip, RandomResizedCrop
    from neurosim.streams.transformed import as_images

    name, colon, number = text.strip().partition(":")
    if name == "pad" and not colon:
        return PadCrop(PADDING)
    if name == "pad" and SHORT_NUMBER.fullmatch(number):
        return PadCrop(int(number))
    if name == "occlude" and SHORT_NUMBER.fullmatch(number):
        return Occlusion(int(number))
    if name == "crop" and not colon:
        height, width = as_images(stream).shape[-2:]
        return RandomResizedCrop((height, width))
    if name == "flip" and not colon:
        return RandomFlip()
    return _corruption(text)


def _corruption(text: str) -> "Transform":
    """Return the noise, blur or change of contrast that a text names, with its strength."""
    from neurosim.streams import Blur, Contrast, GaussianNoise, SaltAndPepper

    corruptions: dict[str, Callable[[float], Transform]]
    corruptions = {"noise": GaussianNoise, "salt": SaltAndPepper, "blur": Blur, "contrast": Contrast}
    name, _, number = text.strip().partition(":")
    try:
        corruption, strength = corruptions[name], float(number)
    except (KeyError, ValueError):
        raise ConfigError("augment", f"{AUGMENTATIONS}, between commas", text) from None
    return corruption(strength)


def _standardise(text: str) -> "Standardise":
    from neurosim.streams import Standardise
    from neurosim.streams.transforms import IMAGENET

    if text == "imagenet":
        return IMAGENET
    try:
        mean, std = (tuple(float(number) for number in numbers.split(",")) for numbers in text.split(":"))
    except ValueError:
        rule = "imagenet, or MEAN[,MEAN...]:STD[,STD...] with one number a channel"
        raise ConfigError("standardise", rule, text) from None
    return Standardise(mean, std)
