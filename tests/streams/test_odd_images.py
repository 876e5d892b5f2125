"""Folders of images: what is passed over is counted, large images take memory once, Pillow's warnings stay inside."""

import os
import struct

import numpy as np
import pytest
from commands import invoke
from limited import opened

import neurosim as ns
from neurosim.streams import images
from neurosim.streams.resample import resample

Image = pytest.importorskip("PIL.Image")
PIXELS = np.random.default_rng(0).integers(0, 256, (30, 41, 3), np.uint8)


def write(path, picture=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    (picture or Image.fromarray(PIXELS)).save(path, **options)
    return path


@pytest.fixture
def folder(tmp_path):
    for name in ("a/0.png", "a/1.jpg", "b/0.png"):
        write(tmp_path / "set" / name)
    return tmp_path


PASSED_OVER = [
    "a/2.heic", "a/2.AVIF", "a/2.jfif", "a/2.svg", "a/2.tga", "a/2.jpe", "a/2.pbm", "a/2.jxl", "a/.hidden.png",
    "a/deeper/3.png", "a/deeper/and/deeper/3.JPG", "top.png", "b/7.dng", ".a.jpg", "b/8.ico",
]  # fmt: skip


def test_what_looks_like_an_image_and_is_not_read_is_counted(folder):
    assert ns.open_stream("images:set", root=folder, image_size=4).passed_over == 0
    for name in ("a/notes.txt", "a/list.csv", "README", "b/labels.json", "b/movie.mp4", "a/Thumbs.db", "b/png"):
        (folder / "set" / name).write_text("no image")
    assert ns.open_stream("images:set", root=folder, image_size=4).passed_over == 0
    for count, name in enumerate(PASSED_OVER, 1):
        path = folder / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
        assert ns.open_stream("images:set", root=folder, image_size=4).passed_over == count, name
    stream = ns.open_stream("images:set", root=folder, image_size=4, shuffle=0, epochs=2)
    assert stream.length == 6
    assert ns.transform(stream, [ns.RandomFlip()]).passed_over == len(PASSED_OVER)


def test_pipes_and_links_to_nothing_are_counted_and_not_read(folder):
    os.mkfifo(folder / "set" / "a" / "pipe.png")
    (folder / "set" / "a" / "gone.png").symlink_to("nowhere.png")
    (folder / "set" / "b" / "zero.jpg").symlink_to("/dev/zero")
    stream = ns.open_stream("images:set", root=folder, image_size=4)
    assert (stream.length, stream.passed_over) == (3, 3)
    assert len(list(stream.blocks(size=2))) == 2


def test_a_file_that_becomes_a_pipe_is_not_waited_for(folder):
    stream = ns.open_stream("images:set", root=folder, image_size=4)
    (folder / "set" / "a" / "1.jpg").unlink()
    os.mkfifo(folder / "set" / "a" / "1.jpg")
    with pytest.raises(ns.StreamError, match=r"image .*1\.jpg must be a regular file, got a pipe"):
        list(stream.blocks())
    with pytest.raises(ns.StreamError, match=r"image .*1\.jpg must be a regular file, got a pipe"):
        stream.fingerprint()


def test_the_command_line_says_how_many_were_passed_over(folder):
    (folder / "set" / "a" / "2.heic").write_text("")
    told = ("stream", "images:set", "--root", str(folder), "--image-size", "4", "--neurons", "2")
    assert "  not read  1 of the files that look like images" in invoke(*told).stdout
    assert '"files_passed_over": 1' in invoke(*told, "--json").stdout
    (folder / "set" / "a" / "2.heic").unlink()
    assert "not read" not in invoke(*told).stdout


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
@pytest.mark.parametrize("strip", [1, 41, 100, 10**9])
def test_strips_give_the_pixels_of_the_whole(tmp_path, monkeypatch, mode, strip):
    picture = Image.fromarray(PIXELS)
    picture = Image.fromarray(PIXELS[:, :, 0].astype(np.uint16) << 7) if mode == "I;16" else picture.convert(mode)
    path = write(tmp_path / "a.tif", picture)
    whole = images.decode(path)
    monkeypatch.setattr(images, "STRIP", strip)
    assert np.array_equal(images.decode(path), whole)
    assert np.array_equal(images.decode(path, middle=True), whole[:, :, 5:35])


@pytest.mark.parametrize("together", [1, 100, 10**9])
def test_images_resampled_a_strip_at_a_time_have_the_same_bits(monkeypatch, together):
    whole = resample(PIXELS.transpose(2, 0, 1).astype(np.float32), 7, 60)
    monkeypatch.setattr("neurosim.streams.resample.TOGETHER", together)
    assert np.array_equal(resample(PIXELS.transpose(2, 0, 1).astype(np.float32), 7, 60), whole)
    assert np.array_equal(resample(np.ascontiguousarray(PIXELS.transpose(2, 0, 1)), 7, 60), whole)


def test_large_images_are_read_in_bounds_and_long_ones_are_refused(tmp_path):
    write(tmp_path / "square" / "a" / "a.png", Image.new("L", (6000, 6000), 9))
    write(tmp_path / "flat" / "a" / "a.png", Image.new("1", (2_000_000, 1)))
    write(tmp_path / "thin" / "a" / "a.png", Image.new("1", (1, 2_000_000)))
    results = opened(tmp_path, ["images:square", "images:flat", "images:thin"], image_size=4)
    assert results["images:square"][:2] == ["read", 1]
    for name, size in (("flat", "2000000 x 1"), ("thin", "1 x 2000000")):
        kind, message = results[f"images:{name}"]
        assert kind == "StreamError"
        assert f"must be at most 89478485 pixels, and 1000000 along a side, got {size}" in message


@pytest.mark.slow
def test_the_largest_images_are_read_in_bounds(tmp_path):
    write(tmp_path / "a" / "a" / "a.png", Image.new("RGB", (9400, 9400), (1, 2, 3)))
    assert opened(tmp_path, ["images:a"], memory=2 << 30, image_size=4)["images:a"][:2] == ["read", 1]


def odd_tiffs():
    """TIFFs that Pillow or its library has something to say about."""
    from PIL import TiffImagePlugin

    unknown = TiffImagePlugin.ImageFileDirectory_v2()
    unknown[65000] = "hello"
    unknown.tagtype[65000] = 2
    yield {"tiffinfo": unknown}, bytes
    yield {"tiffinfo": unknown, "compression": "tiff_lzw"}, bytes
    for tag, kind, value in ((277, 3, 9), (258, 3, 77), (259, 3, 7), (256, 4, 2**31), (278, 4, 0), (273, 4, 2**32 - 1)):
        yield {}, lambda content, tag=tag, kind=kind, value=value: patched(content, tag, kind, value)


def patched(content, tag, kind, value):
    """Return a TIFF with another value of a tag."""
    entry = content.find(struct.pack("<HH", tag, kind), 8)
    assert entry > 0
    field = struct.pack("<HHI", tag, kind, 1) + (
        struct.pack("<HH", value, 0) if kind == 3 else struct.pack("<I", value)
    )
    return content[:entry] + field + content[entry + 12 :]


def test_what_pillow_and_its_libraries_say_of_odd_files_stays_off_standard_error(tmp_path):
    for number, (options, change) in enumerate(odd_tiffs()):
        path = write(tmp_path / str(number) / "a" / "a.tif", **options)
        path.write_bytes(change(path.read_bytes()))
    results = opened(tmp_path, [(str(n), "images:.") for n in range(number + 1)], image_size=4)
    assert {kind for kind, *_ in results.values()} == {"read", "StreamError"}
