"""State files as a forger would write them: edited, and the checksum made right again.

Each edit gets an open `h5py.File` and the path of its file. `BAD` holds them by name.
"""

import json
import os

import h5py
import numpy as np
from sealing import reseal

from neurosim.state.arrays import hash_of

BAD = {}


def bad(words):
    """Register an edit, with words of the error that the file must be refused by."""

    def register(edit):
        BAD[edit.__name__] = (edit, words)
        return edit

    return register


def forge(path, edit):
    """Edit a state file."""
    with h5py.File(path, "r+") as file:
        edit(file, path)
    reseal(path)


def put(group, name, data=None, **options):
    """Put another dataset in the place of one."""
    del group[name]
    return group.create_dataset(name, data=data, **options)


def attribute_in_json(file, name, changes, group="/"):
    text = json.loads(file[group].attrs[name])
    file[group].attrs[name] = json.dumps(text | changes)


def recompute_hash(file):
    """Make the hash of the arrays right again, too."""
    layers = [file[f"layer_{index}"] for index in range(sum(name.startswith("layer_") for name in file))]
    arrays = [{name: item[...] for name, item in layer.items() if name != "weights"} for layer in layers]
    file.attrs["state_sha256"] = hash_of(arrays)
    file["readouts"].attrs["state_sha256"] = file.attrs["state_sha256"]


def deep(levels):
    return "[" * levels + "]" * levels


@bad("plain dataset")
def virtual_of_itself(file, path):
    layout = h5py.VirtualLayout((12,), "f4")
    layout[:] = h5py.VirtualSource(".", "layer_0/scales", (12,))
    del file["layer_0/scales"]
    file["layer_0"].create_virtual_dataset("scales", layout)


@bad("plain dataset")
def virtual_weights_of_itself(file, path):
    layout = h5py.VirtualLayout((12, 64), "f4")
    layout[:] = h5py.VirtualSource(path, "layer_0/weights", (12, 64))
    del file["layer_0/weights"]
    file["layer_0"].create_virtual_dataset("weights", layout)


@bad("plain dataset")
def virtual_of_another_file(file, path):
    layout = h5py.VirtualLayout((12,), "f4")
    layout[:] = h5py.VirtualSource("gone.h5", "scales", (12,))
    del file["layer_0/scales"]
    file["layer_0"].create_virtual_dataset("scales", layout)


@bad("plain dataset")
def virtual_of_pipes_without_end(file, path):
    os.mkfifo(path.with_name("part-0.h5"))
    space = h5py.h5s.create_simple((12,), (h5py.h5s.UNLIMITED,))
    space.select_hyperslab((0,), (h5py.h5s.UNLIMITED,), (12,), (12,))
    source = h5py.h5s.create_simple((12,))
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_virtual(space, b"part-%b.h5", b"scales", source)
    del file["layer_0/scales"]
    h5py.h5d.create(file["layer_0"].id, b"scales", h5py.h5t.IEEE_F32LE, space, creation)


@bad("plain dataset")
def external_storage(file, path):
    other = path.with_name("outside.bin")
    other.write_bytes(np.ones(12, "f4").tobytes())
    put(file["layer_0"], "scales", shape=(12,), dtype="f4", external=[(os.fspath(other), 0, 48)])


@bad("plain dataset")
def external_pipe(file, path):
    other = path.with_name("outside.fifo")
    os.mkfifo(other)
    put(file["layer_0"], "scales", shape=(12,), dtype="f4", external=[(os.fspath(other), 0, 48)])


@bad("under a hard link")
def external_link(file, path):
    with h5py.File(path.with_name("outside.h5"), "w") as other:
        other["scales"] = np.ones(12, "f4")
    del file["layer_0/scales"]
    file["layer_0/scales"] = h5py.ExternalLink("outside.h5", "scales")


@bad("under a hard link")
def external_link_to_a_pipe(file, path):
    os.mkfifo(path.with_name("pipe.h5"))
    del file["layer_0/scales"]
    file["layer_0/scales"] = h5py.ExternalLink("pipe.h5", "scales")


@bad("under a hard link")
def external_link_for_a_layer(file, path):
    os.mkfifo(path.with_name("pipe.h5"))
    del file["layer_0"]
    file["layer_0"] = h5py.ExternalLink("pipe.h5", "/")


@bad("under a hard link")
def soft_link(file, path):
    file.move("layer_0/scales", "layer_0/other")
    file["layer_0/scales"] = h5py.SoftLink("/layer_0/other")


@bad("under a hard link")
def soft_link_to_itself(file, path):
    del file["layer_0/scales"]
    file["layer_0/scales"] = h5py.SoftLink("/layer_0/scales")


@bad("under one name")
def two_names(file, path):
    del file["layer_0/scales"]
    file["layer_0/scales"] = file["layer_0/norms"]


@bad("layer_0/loop")
def a_cycle_of_groups(file, path):
    file["layer_0/loop"] = file["layer_0"]


@bad("layer_0/scales")
def a_group_for_a_dataset(file, path):
    del file["layer_0/scales"]
    file["layer_0"].create_group("scales")


@bad("layer_0/scales")
def a_type_for_a_dataset(file, path):
    del file["layer_0/scales"]
    file["layer_0/scales"] = np.dtype("f4")


@bad("layer_0")
def a_dataset_for_a_layer(file, path):
    del file["layer_0"]
    file["layer_0"] = np.zeros(5)


@bad("layer_0/extra")
def an_extra_dataset(file, path):
    file["layer_0"].create_dataset("extra", (10**9, 10**3), "f4")


@bad("holds 'extra'")
def an_extra_group(file, path):
    file.create_group("extra")


@bad("layer_2")
def a_gap_between_layers(file, path):
    file.create_group("layer_9")


@bad("synapses of layer 2 must be")
def a_layer_that_does_not_fit_the_one_before(file, path):
    layer = file["layer_1"]
    for name, item in list(layer.items()):
        put(layer, name, np.resize(item[...], tuple(13 if size == 12 else size for size in item.shape)))
    layer["weights"][...] = (layer["synapses"][...] * layer["scales"][...]).T
    recompute_hash(file)


@bad("layer_0/records")
def a_billion_records(file, path):
    kind = file["layer_0/records"].dtype
    put(file["layer_0"], "records", shape=(10**9,), dtype=kind)


@bad("layer_0/records")
def a_billion_compressed_records(file, path):
    kind = file["layer_0/records"].dtype
    put(file["layer_0"], "records", shape=(10**9,), dtype=kind, chunks=(10**6,), compression="gzip")


@bad("layer_0/eligibility")
def eligibility_without_end(file, path):
    put(file["layer_0"], "eligibility", shape=(10**9, 12), dtype="f4")


@bad("layer_0/pending_inputs")
def a_billion_waiting_samples(file, path):
    for name, kind in (("pending_inputs", "f4"), ("pending_active", "i4")):
        put(file["layer_0"], name, shape=(10**9, 64), dtype=kind)


@bad("layer_0/pending_modulators")
def waiting_samples_of_which_nothing_is_stored(file, path):
    put(file["layer_0"], "pending_modulators", shape=(2,), dtype="f4", chunks=(1,))


@bad("layer_0/synapses")
def compressed_synapses(file, path):
    put(file["layer_0"], "synapses", file["layer_0/synapses"][...], compression="gzip")


@bad("layer_0/synapses")
def a_billion_inputs(file, path):
    file.attrs["inputs"] = np.array([10**9])


@bad("layer_0/synapses")
def a_billion_neurons(file, path):
    attribute_in_json(file, "constants", {"neurons": 10**9}, "layer_0")


@bad("of which all is stored")
def a_billion_neurons_and_nothing_stored(file, path):
    layer = file["layer_0"]
    attribute_in_json(file, "constants", {"neurons": 10**8}, "layer_0")
    for name, item in list(layer.items()):
        shape = tuple(10**8 if size == 12 else size for size in item.shape)
        if shape != item.shape:
            put(layer, name, shape=shape, dtype=item.dtype)


@bad("layer_0/scales")
def chunks_larger_than_the_data(file, path):
    put(file["layer_0"], "scales", np.ones(12, "f4"), chunks=(10**7,), maxshape=(None,))


@bad("layer_0/scales")
def another_type(file, path):
    put(file["layer_0"], "scales", np.ones(12, "f8"))


@bad("layer_0/scales")
def another_byte_order(file, path):
    put(file["layer_0"], "scales", np.ones(12, ">f4"))


@bad("layer_0/scales")
def texts_for_numbers(file, path):
    put(file["layer_0"], "scales", ["a"] * 12)


@bad("layer_0/scales")
def another_rank(file, path):
    put(file["layer_0"], "scales", np.ones((12, 1), "f4"))


@bad("layer_0/scales")
def nothing_at_all(file, path):
    put(file["layer_0"], "scales", h5py.Empty("f4"))


@bad("layer_0/scales")
def an_array_that_is_missing(file, path):
    del file["layer_0/scales"]


@bad("layer_0/weights")
def weights_that_are_missing(file, path):
    del file["layer_0/weights"]


@bad("layer_0/weights")
def weights_of_another_type(file, path):
    put(file["layer_0"], "weights", file["layer_0/weights"][...].astype("f8"))


@bad("layer_0/weights")
def a_billion_weights(file, path):
    put(file["layer_0"], "weights", shape=(12, 10**9), dtype="f4", chunks=(1, 10**6), compression="gzip")


@bad("must hold stream as")
def nan_in_the_stream(file, path):
    file.attrs["stream"] = '{"name": "digits", "inputs": NaN}'


@bad("must hold stream as")
def infinity_in_the_stream(file, path):
    file.attrs["stream"] = '{"name": "digits", "inputs": 1e400}'


@bad("must hold stream as")
def minus_infinity_in_the_stream(file, path):
    file.attrs["stream"] = '{"name": "digits", "inputs": [-Infinity]}'


@bad("must hold stream as")
def a_repeated_key_in_the_stream(file, path):
    file.attrs["stream"] = '{"name": "digits", "name": "other"}'


@bad("must hold stream as")
def a_stream_900_deep(file, path):
    file.attrs["stream"] = '{"name": ' + deep(900) + "}"


@bad("must hold stream as")
def a_list_for_a_stream(file, path):
    file.attrs["stream"] = "[1]"


@bad("must hold stream as")
def a_number_for_the_name_of_the_stream(file, path):
    file.attrs["stream"] = '{"name": 5}'


@bad("must hold constants")
def constants_900_deep(file, path):
    inner = '{"kind": "SoftHebb", "rate": ' * 900 + "1" + "}" * 900
    file["layer_0"].attrs["constants"] = '{"kind": "DenseWTA", "neurons": 12, "rule": ' + inner + "}"


@bad("must hold constants")
def constants_of_lists_100000_deep(file, path):
    file["layer_0"].attrs["constants"] = '{"kind": ' + deep(100_000) + "}"


@bad("must hold constants")
def constants_of_5000_digits(file, path):
    file["layer_0"].attrs["constants"] = '{"kind": "DenseWTA", "neurons": ' + "9" * 5000 + "}"


@bad("must hold constants")
def constants_without_end(file, path):
    file["layer_0"].attrs["constants"] = '{"kind": "' + "x" * (4 << 20) + '"}'


@bad("must hold constants")
def constants_that_are_a_list(file, path):
    file["layer_0"].attrs["constants"] = "[]"


@bad("must hold constants")
def constants_that_are_a_number(file, path):
    file["layer_0"].attrs["constants"] = 5


@bad("must hold constants")
def constants_that_are_many(file, path):
    file["layer_0"].attrs["constants"] = ["{}"] * 1000


@bad("neurons must be")
def neurons_that_are_a_text(file, path):
    attribute_in_json(file, "constants", {"neurons": "12"}, "layer_0")


@bad("neurons must be")
def neurons_that_are_a_fraction(file, path):
    attribute_in_json(file, "constants", {"neurons": 12.5}, "layer_0")


@bad("window must be")
def a_window_that_is_null(file, path):
    attribute_in_json(file, "constants", {"window": None}, "layer_0")


@bad("must hold format_version as")
def a_version_of_many(file, path):
    file.attrs["format_version"] = np.array([3, 3])


@bad("must hold seed as")
def a_seed_that_is_a_text(file, path):
    file.attrs["seed"] = "zero"


@bad("must hold seed as")
def a_seed_that_is_nan(file, path):
    file.attrs["seed"] = np.nan


@bad("must hold seed as")
def a_seed_that_is_compound(file, path):
    file.attrs["seed"] = np.zeros((), [("a", "f4"), ("b", "i8")])


@bad("must hold seed as")
def a_seed_that_is_a_reference(file, path):
    file.attrs["seed"] = file["layer_0"].ref


@bad("must hold inputs as")
def inputs_of_texts(file, path):
    file.attrs["inputs"] = ["64"]


@bad("must hold inputs as")
def inputs_of_fractions(file, path):
    file.attrs["inputs"] = np.array([64.5])


@bad("must hold inputs as")
def inputs_below_zero(file, path):
    file.attrs["inputs"] = np.array([-64])


@bad("must hold inputs as")
def inputs_without_end(file, path):
    file.attrs["inputs"] = np.ones(8000, np.int64)


@bad("must hold inputs as")
def inputs_of_nothing(file, path):
    file.attrs["inputs"] = h5py.Empty("i8")


@bad("must hold stream_position as")
def a_position_below_zero(file, path):
    file.attrs["stream_position"] = -1


@bad("must hold stream_position as")
def a_position_that_is_infinite(file, path):
    file.attrs["stream_position"] = np.inf


@bad("must hold state_sha256 as")
def a_hash_that_is_a_number(file, path):
    file.attrs["state_sha256"] = 5


@bad("must hold classes as")
def names_that_are_numbers(file, path):
    file.attrs["classes"] = "[1, 2]"


@bad("must hold classes as")
def names_that_come_twice(file, path):
    file.attrs["classes"] = '["cat", "cat"]'


@bad("readouts of the weights that it holds")
def readouts_of_other_weights(file, path):
    file["readouts"].attrs["state_sha256"] = "0" * 64


@bad("holds 'readouts/other'")
def a_readout_of_an_unknown_kind(file, path):
    file["readouts"].create_group("other")


@bad("readouts/linear/means")
def a_readout_that_lacks_an_array(file, path):
    del file["readouts/linear/means"]


@bad("readouts/linear/weights")
def a_readout_without_end(file, path):
    put(file["readouts/linear"], "weights", shape=(10, 10**9), dtype="f4")


@bad("readouts/linear/labels")
def a_readout_of_no_classes(file, path):
    for name in ("labels", "weights", "intercepts"):
        put(file["readouts/linear"], name, file[f"readouts/linear/{name}"][:0])


@bad("weights must be finite")
def a_readout_that_is_nan(file, path):
    file["readouts/linear/weights"][0, 0] = np.nan


@bad("labels from 0")
def a_readout_of_labels_below_zero(file, path):
    file["readouts/winner/labels"][0] = -1


@bad("a readout of output")
def a_readout_of_unknown_features(file, path):
    file["readouts/linear"].attrs["features"] = "pixels"


@bad("must hold samples of readouts/winner as")
def a_readout_of_minus_one_sample(file, path):
    file["readouts/winner"].attrs["samples"] = -1


@bad("must hold changes")
def changes_that_are_numbers(file, path):
    file.attrs["changes"] = "[1]"


@bad("must hold changes as")
def changes_900_deep(file, path):
    file.attrs["changes"] = deep(900)


@bad("must hold changes of constants")
def changes_that_are_others(file, path):
    file.attrs["changes"] = '[{"sample": 0, "layer": 0, "name": "cap", "old": 1}]'


@bad("layer_0/first_weights must be of the shape (12, 64)")
def first_weights_of_another_shape(file, path):
    file["layer_0"].create_dataset("first_weights", data=np.ones((12, 63), "f4"))


@bad("layer_1/first_weights must be of the shape (5, 12)")
def first_weights_of_the_layer_before(file, path):
    file["layer_1"].create_dataset("first_weights", data=np.ones((12, 64), "f4"))


@bad("layer_0/first_weights as float32")
def first_weights_of_another_type(file, path):
    file["layer_0"].create_dataset("first_weights", data=np.ones((12, 64)))


@bad("layer_0/first_weights")
def first_weights_of_which_nothing_is_stored(file, path):
    file["layer_0"].create_dataset("first_weights", (12, 64), "f4", chunks=(1, 64))


@bad("first_weights must be finite")
def first_weights_that_are_nan(file, path):
    file["layer_0"].create_dataset("first_weights", data=np.full((12, 64), np.nan, "f4"))


@bad("initial of layer 1, neuron 0 must be of a sum")
def first_weights_that_are_too_large(file, path):
    file["layer_0"].create_dataset("first_weights", data=np.full((12, 64), 1e19, "f4"))


@bad("holds 'readouts/linear/first_weights'")
def first_weights_of_a_readout(file, path):
    file["readouts/linear"].create_dataset("first_weights", data=np.ones((12, 64), "f4"))
