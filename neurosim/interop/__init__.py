"""Chips as objects of other libraries, which are imported when they are asked for."""

from neurosim.interop.torch_module import as_torch_module as as_torch_module
