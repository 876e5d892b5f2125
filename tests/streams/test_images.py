"""Folders of images: decoded as they are read, in the order of their sorted paths; what does not decode is named."""

import builtins
import io
import struct
import sys
import warnings
import zlib

import numpy as np
import pytest

import neurosim as ns
from neurosim.online.stop import Stop
from neurosim.streams import images
from neurosim.streams.resample import resample

Image = pytest.importorskip("PIL.Image")

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (3, 12, 9), np.uint8)  # (channels, height, width)
PICTURE = Image.fromarray(PIXELS.transpose(1, 2, 0))


def write(path, picture=PICTURE, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, **options)
    return path


@pytest.fixture
def folder(tmp_path):
    """Three classes of pictures whose brightness tells which they are; their names are not written in order."""
    shades = {"b": [30, 40], "a": [10, 20], "C": [0]}
    for name, greys in shades.items():
        for number, grey in reversed(list(enumerate(greys))):
            size = (8 + number, 11 - number)
            write(tmp_path / "set" / name / f"{number}.png", Image.new("RGB", size, (grey, grey + 100, 255)))
    (tmp_path / "set" / "a" / "notes.txt").write_text("no image")
    (tmp_path / "set" / "a" / ".0.png").write_text("no image")
    (tmp_path / "set" / ".hidden").mkdir()
    (tmp_path / "set" / "list.txt").write_text("no class")
    return tmp_path


def test_images_come_in_the_order_of_sorted_paths_with_their_classes(folder):
    stream = ns.open_stream("images:set", root=folder, image_size=4, inputs=48)
    assert (stream.name, stream.length, stream.shape, stream.inputs) == ("images:set", 5, (3, 4, 4), 48)
    assert stream.classes == ("C", "a", "b")
    samples, labels = stream.take(np.arange(5))
    assert labels.tolist() == [0, 1, 1, 2, 2]
    assert samples.dtype == np.float32
    planes = samples.reshape(5, 3, 16)
    assert (planes == planes[:, :, :1]).all()
    greys = np.float32([0, 10, 20, 30, 40])
    wanted = np.stack([greys, greys + 100, np.full(5, 255, np.float32)], axis=1) / np.float32(255)
    assert np.allclose(planes[:, :, 0], wanted, atol=1e-7)
    assert planes.max() == 1
    again = ns.open_stream(f"images:{folder / 'set'}", image_size=4)
    assert again.identity() == stream.identity()


@pytest.mark.parametrize(("start", "size"), [(0, 1), (2, 2), (4, 9), (7, 3)])
def test_any_blocks_from_any_position_and_any_order(folder, start, size):
    for shuffle in (None, 3):
        stream = ns.open_stream("images:set", root=folder, image_size=5, epochs=2, shuffle=shuffle)
        whole = np.concatenate([block.samples for block in stream.blocks()])
        assert stream.shape == (3, 5, 5)
        assert stream.classes == ns.transform(stream, [ns.RandomFlip()]).classes == ("C", "a", "b")
        assert len(whole) == 10
        part = np.concatenate([block.samples for block in stream.blocks(start, size)])
        assert np.array_equal(part, whole[start:])


def test_the_middle_square_is_resampled(tmp_path):
    write(tmp_path / "x" / "a.png")
    for size in (4, 9, 20):
        sample = ns.open_stream("images:.", root=tmp_path, image_size=size).take(np.array([0])).samples
        middle = PIXELS[:, 1:10].astype(np.float32)
        assert np.array_equal(sample.reshape(3, size, size), resample(middle, size, size) / np.float32(255))
        pillow = Image.fromarray(PIXELS[:, 1:10].transpose(1, 2, 0)).resize((size, size), Image.Resampling.BILINEAR)
        assert np.abs(sample.reshape(3, size, size) * 255 - np.asarray(pillow).transpose(2, 0, 1)).max() < 1.01


def test_a_resized_crop_is_of_the_decoded_image_and_others_too(tmp_path):
    write(tmp_path / "x" / "a.png")
    crop = ns.RandomResizedCrop(6, scale=(0.3, 0.5))
    for seed in range(20):
        flip = ns.RandomFlip(1.0)
        for source in (
            ns.open_stream("images:.", root=tmp_path, image_size=3),
            ns.open_stream("images:.", root=tmp_path, image_size=3, shuffle=0),
        ):
            stream = ns.transform(source, [flip, crop], seed)
            assert stream.shape == (3, 6, 6)
            draws = ns.randomness.at_places(seed, crop.purpose, 0, 0, 1, crop.draws)[0]
            wanted = crop.apply(PIXELS[..., ::-1].astype(np.float32) / np.float32(255), draws)
            assert np.array_equal(stream.take(np.array([0])).samples[0], wanted.ravel())
    small = ns.transform(ns.open_stream("images:.", root=tmp_path, image_size=3), [flip])
    plain = ns.open_stream("images:.", root=tmp_path, image_size=3).take(np.array([0])).samples
    assert np.array_equal(small.take(np.array([0])).samples.reshape(3, 3, 3), plain.reshape(3, 3, 3)[..., ::-1])


def grey16():
    return Image.fromarray((PIXELS[0].astype(np.uint16) << 8) + 77)


def palette():
    return PICTURE.quantize(200)


def with_alpha():
    picture = PICTURE.copy()
    picture.putalpha(Image.fromarray(PIXELS[1]))
    return picture


def test_colours_of_16_bits_give_their_upper_8(tmp_path):
    wide = ((PIXELS.transpose(1, 2, 0).astype(np.uint16) << 8) + 200).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in wide)  # each row is stored as it is

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", 9, 12, 16, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    assert np.array_equal(images.decode(tmp_path / "a.png"), PIXELS)
    grey = ((PIXELS[0].astype(np.uint16) << 8) + 200).astype(">u2")
    (tmp_path / "a.pgm").write_bytes(b"P5 9 12 65535\n" + grey.tobytes())
    assert np.array_equal(images.decode(tmp_path / "a.pgm"), PIXELS[[0, 0, 0]])


# name: (picture, how it is written, what comes out, how far it may be off)
KINDS = {
    "a.png": (lambda: PICTURE, {}, PIXELS, 0),
    "a.bmp": (lambda: PICTURE, {}, PIXELS, 0),
    "a.ppm": (lambda: PICTURE, {}, PIXELS, 0),
    "a.tif": (lambda: PICTURE, {}, PIXELS, 0),
    "a.webp": (lambda: PICTURE, {"lossless": True}, PIXELS, 0),
    "a.JPEG": (lambda: PICTURE.resize((90, 120)), {"quality": 95, "subsampling": 0}, None, 12),
    "grey.png": (lambda: Image.fromarray(PIXELS[0]), {}, PIXELS[[0, 0, 0]], 0),
    "grey16.png": (grey16, {}, PIXELS[[0, 0, 0]], 0),
    "grey16.tiff": (grey16, {}, PIXELS[[0, 0, 0]], 0),
    "two.png": (lambda: Image.fromarray(PIXELS[0] > 99), {}, 255 * (PIXELS[[0, 0, 0]] > 99), 0),
    "palette.png": (palette, {}, None, 0),
    "palette.gif": (palette, {}, None, 0),
    "clear.png": (palette, {"transparency": bytes(range(200))}, None, 0),
    "rgba.png": (with_alpha, {}, PIXELS, 0),
    "la.png": (lambda: with_alpha().convert("LA"), {}, None, 0),
    "cmyk.jpg": (lambda: PICTURE.resize((90, 120)).convert("CMYK"), {"quality": 95}, None, 12),
    "cmyk.tif": (lambda: PICTURE.convert("CMYK"), {}, PIXELS, 1),
    "png.jpg": (lambda: PICTURE, {"format": "PNG"}, PIXELS, 0),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_image_is_read_as_rgb(tmp_path, name):
    make, options, wanted, off = KINDS[name]
    picture = make()
    path = write(tmp_path / "x" / name, picture, **options)
    if wanted is None:
        wanted = np.asarray(picture.convert("RGB")).transpose(2, 0, 1)
    found = images.decode(path)
    assert found.dtype == np.uint8
    assert found.shape == wanted.shape
    assert np.abs(found.astype(int) - wanted).mean() <= off
    assert ns.open_stream("images:.", root=tmp_path, image_size=4).length == 1


def test_an_animation_gives_its_first_picture(tmp_path):
    others = [Image.new("RGB", (9, 12), "red")]
    path = write(tmp_path / "x" / "a.gif", Image.new("RGB", (9, 12), "blue"), save_all=True, append_images=others)
    assert (images.decode(path) == np.array([0, 0, 255])[:, None, None]).all()


def jpeg():
    file = io.BytesIO()
    PICTURE.resize((200, 200)).save(file, "JPEG")
    return file.getvalue()


def bomb():
    """A PNG of a few KB that unpacks to 400 million pixels."""
    file = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(file, "PNG")
    return file.getvalue()


def less_of_a_bomb():
    """One that Pillow only warns of."""
    file = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(file, "PNG")
    return file.getvalue()


def floats():
    file = io.BytesIO()
    Image.fromarray(PIXELS[0].astype(np.float32)).save(file, "TIFF")
    return file.getvalue()


def broken_checksum():
    file = io.BytesIO()
    PICTURE.save(file, "PNG")
    return file.getvalue().replace(b"IDAT", b"IDAX")


BROKEN = {
    "empty": (lambda: b"", "must be one that decodes, but: cannot identify image file"),
    "text": (lambda: b"hello" * 99, "must be one that decodes, but: cannot identify image file"),
    "half": (lambda: jpeg()[:-2000], "must be one that decodes, but: image file is truncated"),
    "a script": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "cannot identify image file"),
    "a bomb": (bomb, "could be decompression bomb DOS attack"),
    "a smaller bomb": (less_of_a_bomb, "must be at most 89478485 pixels, and 1000000 along a side, got 10000 x 10000"),
    "floats": (floats, "of 32 bits (mode F), whose range is not known"),
    "a broken chunk": (broken_checksum, "must be one that decodes, but: "),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_file_that_does_not_decode_is_named(tmp_path, case):
    make, words = BROKEN[case]
    for number in range(3):
        write(tmp_path / "x" / f"{number}.png")
    (tmp_path / "x" / "2.5.png").write_bytes(make())
    stream = ns.open_stream("images:.", root=tmp_path, image_size=4)
    for source in (stream, ns.transform(stream, [ns.RandomResizedCrop(4)])):
        with pytest.raises(ns.StreamError) as caught:
            list(source.blocks(size=10))
        assert str(caught.value).startswith(f"image {tmp_path / 'x' / '2.5.png'} must be ")
        assert words in str(caught.value)


def test_all_before_a_broken_file_are_given_whatever_the_size_of_blocks(tmp_path):
    for number in range(5):
        write(tmp_path / "x" / f"{number}.png")
    (tmp_path / "x" / "3.png").write_bytes(b"no")
    stream = ns.open_stream("images:.", root=tmp_path, image_size=4)
    for chunk in (1, 2, 100):
        blocks, given = stream.blocks(size=chunk), 0
        while given < 3:
            given += len(next(blocks).samples)
        with pytest.raises(ns.StreamError, match=r"3\.png must be one that decodes"):
            next(blocks)


def test_a_signal_while_decoding_is_not_taken_for_a_broken_file(tmp_path, monkeypatch):
    write(tmp_path / "x" / "a.png")
    stream = ns.open_stream("images:.", root=tmp_path, image_size=4)

    def stop(*_):
        raise Stop

    monkeypatch.setattr(Image.Image, "convert", stop)
    with pytest.raises(Stop):
        next(stream.blocks())


def test_metadata_that_pillow_warns_of_is_passed_over(tmp_path, monkeypatch):
    write(tmp_path / "x" / "a.png")
    stream = ns.open_stream("images:.", root=tmp_path, image_size=4)
    convert = Image.Image.convert

    def warn(self, mode):
        warnings.warn("Corrupt EXIF data", stacklevel=1)
        return convert(self, mode)

    monkeypatch.setattr(Image.Image, "convert", warn)
    assert len(next(stream.blocks()).samples) == 1


def test_a_folder_without_classes_or_images_is_said(tmp_path):
    with pytest.raises(ns.StreamError, match=rf"must name a folder: there is none at {tmp_path}/none"):
        ns.open_stream("images:none", root=tmp_path, image_size=4)
    write(tmp_path / "a.png")
    with pytest.raises(ns.StreamError, match="must hold a folder for each class, with its images in it, got no folder"):
        ns.open_stream("images:.", root=tmp_path, image_size=4)
    write(tmp_path / "full" / "a.png")
    (tmp_path / "hollow").mkdir()
    (tmp_path / "hollow" / "a.txt").write_text("")
    with pytest.raises(ns.StreamError, match=rf"class folder {tmp_path}/hollow must hold at least one image \(\.bmp,"):
        ns.open_stream("images:.", root=tmp_path, image_size=4)


def test_the_size_is_needed_and_only_for_images(tmp_path):
    write(tmp_path / "x" / "a.png")
    with pytest.raises(ns.ConfigError, match=r"image_size must be given for images:FOLDER \(--image-size\), got None"):
        ns.open_stream("images:.", root=tmp_path)
    for wrong in (0, 20_000, 1.5):
        with pytest.raises(ns.ConfigError, match="image_size must be a whole number of at"):
            ns.open_stream("images:.", root=tmp_path, image_size=wrong)
    with pytest.raises(ns.ConfigError, match="image_size must be left out for all sources but images:FOLDER, got 4"):
        ns.open_stream("digits", image_size=4)
    with pytest.raises(ns.StreamError, match="must have the 5 inputs asked for, got 48"):
        ns.open_stream("images:.", root=tmp_path, image_size=4, inputs=5)


def test_without_pillow_the_extra_is_named(tmp_path, monkeypatch):
    write(tmp_path / "x" / "a.png")
    real = builtins.__import__

    def without(name, *rest):
        if name.partition(".")[0] == "PIL":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    for module in [name for name in sys.modules if name.partition(".")[0] == "PIL"]:
        monkeypatch.delitem(sys.modules, module)
    with pytest.raises(ns.ConfigError, match=r"decoded by Pillow, .* pip install 'neurosim-chip\[images\]'"):
        ns.open_stream("images:.", root=tmp_path, image_size=4)


def test_the_fingerprint_is_of_names_and_contents(folder):
    def fingerprint():
        return ns.open_stream("images:set", root=folder, image_size=4).fingerprint()

    first = fingerprint()
    assert len(first) == 16
    assert first == fingerprint()
    path = folder / "set" / "b" / "1.png"
    content = path.read_bytes()
    path.write_bytes(content + b"more")
    assert fingerprint() != first
    path.write_bytes(content)
    path.rename(path.with_name("2.png"))
    assert fingerprint() != first
    path.with_name("2.png").rename(path)
    assert fingerprint() == first
