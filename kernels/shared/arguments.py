"""Arguments in memory, as compiled code holds them.

Passing eighty arrays and numbers from Python takes longer than a small layer's sample. So arguments that stay the same
from one sample to the next are written to memory once, and the loop is called with their address.
"""

from numba import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from neurosim.kernels.compiled import compiled


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


def size_of_arguments(kind):
    """Return how many bytes compiled code takes to hold arguments of a kind."""
    context = cpu_target.target_context
    return context.get_abi_sizeof(context.data_model_manager[kind].get_data_type())


@compiled(_nrt=False)
def write_arguments(address, arguments):
    """Write arguments to an address."""
    _put_arguments(address, arguments)
