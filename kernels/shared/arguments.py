"""Arguments in memory, as compiled code holds them.

Passing eighty arrays and numbers from Python takes longer than a small layer's sample. So arguments that stay the same
from one sample to the next are written to memory once, and the loop is called with their address.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.core.imputils import lower_getattr_generic
from numba.core.registry import cpu_target
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import intrinsic, register_model

from neurosim.kernels.compiled import compiled

FIRST_ENTRY = 4  # of what an array is to compiled code: the address of its data


@intrinsic
def _put_arguments(context, address, arguments):
    """Write arguments to an address, as compiled code holds them."""

    def write(context, builder, signature, values):
        value = context.data_model_manager[signature.args[1]].as_data(builder, values[1])
        builder.store(value, builder.inttoptr(values[0], value.type.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(address, arguments), write


@intrinsic
def arguments_at(context, address, kind):
    """Read arguments of a kind from an address."""
    target = kind.instance_type

    def write(context, builder, signature, values):
        model = context.data_model_manager[target]
        pointer = builder.inttoptr(values[0], model.get_data_type().as_pointer())
        return model.load_from_data_pointer(builder, pointer, align=1)

    return target(address, kind), write


class Kept(types.Type):
    """The type of a named tuple in memory, of which each field is read where it is asked for."""

    def __init__(self, kind):
        self.kind = kind
        super().__init__(f"Kept({kind})")


@register_model(Kept)
class _KeptModel(models.PrimitiveModel):
    """An address."""

    def __init__(self, manager, kept):
        super().__init__(manager, kept, manager[types.intp].get_value_type())


@infer_getattr
class _Fields(AttributeTemplate):
    key = Kept

    def generic_resolve(self, kept, name):
        """Return the type of a field: again one in memory, if it is a named tuple of several types."""
        if name not in kept.kind.fields:
            return None
        field = kept.kind[kept.kind.fields.index(name)]
        return Kept(field) if isinstance(field, types.NamedTuple) else field


@lower_getattr_generic(Kept)
def _field(context, builder, kept, address, name):
    return _read_field(context, builder, kept.kind, address, kept.kind.fields.index(name))


def _read_field(context, builder, kind, address, index):
    """Read a field, or return where it lies. Nothing writes to arguments while a loop is at work with them."""
    whole = context.data_model_manager[kind].get_data_type()
    place = cgutils.gep_inbounds(builder, builder.inttoptr(address, whole.as_pointer()), 0, index)
    if isinstance(kind[index], types.NamedTuple):
        return builder.ptrtoint(place, address.type)
    before = len(builder.block.instructions)
    value = context.data_model_manager[kind[index]].load_from_data_pointer(builder, place, align=1)
    for instruction in builder.block.instructions[before:]:
        if instruction.opname == "load":
            instruction.set_metadata("invariant.load", builder.module.add_metadata([]))
    return value


@intrinsic
def kept_at(context, address, kind):
    """Return arguments of a kind at an address, which are read from there when they are asked for.

    Most stages ask for few: to read all takes as long to compile as a short stage itself, and a function that is not
    inlined gets one address, not a hundred arrays. Of a tuple without names, each argument that is a named tuple is so.
    """
    target = kind.instance_type
    if isinstance(target, types.NamedTuple):
        return Kept(target)(address, kind), lambda context, builder, signature, values: values[0]
    fields = [Kept(one) if isinstance(one, types.NamedTuple) else one for one in target]

    def read(context, builder, signature, values):
        read = [_read_field(context, builder, target, values[0], index) for index in range(len(fields))]
        return context.make_tuple(builder, signature.return_type, read)

    return types.Tuple(fields)(address, kind), read


def size_of_arguments(kind):
    """Return how many bytes compiled code takes to hold arguments of a kind."""
    context = cpu_target.target_context
    return context.get_abi_sizeof(context.data_model_manager[kind].get_data_type())


@compiled(_nrt=False)
def write_arguments(address, arguments):
    """Write arguments to an address."""
    _put_arguments(address, arguments)


def place_of(kind, *fields):
    """Return where, in the memory of arguments of a kind, a number lies, or the address of an array's first entry.

    Parameters
    ----------
    kind : tuple type
    *fields : int
        Index of an argument, of a field of that named tuple, and so on: the last one is a number or an array.

    Returns
    -------
    int
        Bytes from the beginning of the memory.
    """
    context = cpu_target.target_context
    target, data, place = context.target_data, context.data_model_manager[kind].get_data_type(), 0
    for index in fields:
        place, data, kind = place + data.get_element_offset(target, index), data.elements[index], kind[index]
    return place + data.get_element_offset(target, FIRST_ENTRY) if isinstance(kind, types.Array) else place


@intrinsic
def word_at(typing, address):
    """Return the whole number of 64 bits at an address."""
    return types.int64(types.int64), lambda context, builder, signature, values: builder.load(_word(builder, values[0]))


@intrinsic
def put_word(typing, address, word):
    """Write a whole number of 64 bits to an address."""

    def write(context, builder, signature, values):
        builder.store(values[1], _word(builder, values[0]))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), write


def _word(builder, address):
    return builder.inttoptr(address, ir.IntType(64).as_pointer())


@intrinsic
def fetch_ahead(typing, address):
    """Ask for the line of the cache at an address, which is going to be read and written; nothing waits for it."""

    def ask(context, builder, signature, values):
        kinds = [ir.IntType(8).as_pointer(), *[ir.IntType(32)] * 3]
        function = builder.module.declare_intrinsic("llvm.prefetch", kinds[:1], ir.FunctionType(ir.VoidType(), kinds))
        to_write, soon, data = (ir.Constant(ir.IntType(32), number) for number in (1, 3, 1))
        builder.call(function, [builder.inttoptr(values[0], kinds[0]), to_write, soon, data])
        return context.get_dummy_value()

    return types.void(types.int64), ask
