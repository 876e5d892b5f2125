"""Live sources: samples that arrive by themselves, from a transport through a bounded queue to the loop.

A `transport` brings messages: those of `sockets`, `kafka`, `mqtt`, `zeromq` and `lsl`, whose addresses `spelling`
reads. A `receiver`, which is a thread, cuts them into records and puts them into a `queue`; a `reception` is the
three together. In the loop's thread `live` has the `LiveStream`: it takes records, `decoders` make samples of them,
and `history` remembers when they arrived and where the source goes on. `packets` are events of cameras, which go
through `streams.events` instead.
"""
