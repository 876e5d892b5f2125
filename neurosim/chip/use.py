"""Who uses a chip: one thread at a time learns, and a second one is refused, as calls share working memory."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from threading import RLock, get_ident
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from neurosim.errors import ConcurrentUseError

Given = ParamSpec("Given")
Returned = TypeVar("Returned")
User = TypeVar("User", bound="OneAtATime")
USER = "user"  # the key in `Use.users`
FAULT = (
    "a chip must be used by one thread at a time, and another call is using this one; give each thread a chip of its "
    "own (copy.deepcopy(chip)), or call under a lock"
)
BETWEEN = (
    "a chip must be used after a run whose threads work on successive layers, not within: its layers are at different "
    "samples until then; run it with threads=1"
)


class Run:
    """A long call of one thread, such as `Chip.learn`: between chunks, that thread itself may use the chip.

    Attributes
    ----------
    thread : int
    computing : bool
        Whether a chunk is under way, so that not even a signal handler of that thread may use the chip.
    staggered : bool
        Whether layers have learned from different numbers of samples.
    lock : RLock
        Who holds it may begin to compute.
    """

    __slots__ = ("computing", "lock", "staggered", "thread")

    def __init__(self) -> None:
        self.thread, self.computing, self.staggered, self.lock = get_ident(), False, False, RLock()

    def begin(self) -> None:
        """Begin to compute a chunk; who does so sets `computing` to false at its end."""
        if self.computing:  # no call between this line and the next one, so no signal either
            raise ConcurrentUseError(FAULT)
        self.computing = True

    @contextmanager
    def lent(self) -> Iterator[bool]:
        """Return the context in which another thread takes the place of this one, which waits for its stream.

        It gives whether the chip is free: the stream may be using it.
        """
        with self.lock:
            thread, self.thread = self.thread, get_ident()
            try:
                yield not self.computing
            finally:
                self.thread = thread


class _Readers:
    """Calls that only respond, in memory of their own: they disturb one another as little as they disturb the chip."""

    __slots__ = ("calls",)

    def __init__(self) -> None:
        self.calls: dict[object, None] = {}


class Use:
    """Keeps a second thread out of a chip; for a single call, `Chip` looks at `users` itself, which takes .1 us.

    Attributes
    ----------
    users : dict
        Empty, or under `USER` who uses the chip: a call (any object), a `Run`, or calls that respond. `setdefault` is
        atomic. Who has entered leaves without a call in the `finally`, so that no interrupt can come between.
    """

    def __init__(self) -> None:
        self.users: dict[str, object] = {}

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Return the context of a call that nobody else may use the chip beside.

        Raises
        ------
        ConcurrentUseError
            If somebody uses it.
        """
        users, call = self.users, object()
        try:
            user = users.setdefault(USER, call)
            if user is call:
                yield
            else:
                with chunk_of(user):
                    yield
        finally:
            if USER in users and users[USER] is call:
                del users[USER]

    @contextmanager
    def run(self) -> Iterator[Run]:
        """Return the context of a long call: this thread alone may use the chip, between chunks.

        Raises
        ------
        ConcurrentUseError
            If somebody else uses it.
        """
        users, run = self.users, Run()
        try:
            user = users.setdefault(USER, run)
            if user is run:
                yield run
            else:  # a long call within another, such as one of a generator that the other takes its samples from
                with chunk_of(user):
                    pass
                assert isinstance(user, Run)
                yield user
        finally:
            if USER in users and users[USER] is run:
                del users[USER]

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Return the context of a call that only responds, in memory of its own: others may do so at the same time.

        Raises
        ------
        ConcurrentUseError
            If somebody learns.
        """
        users, call, readers = self.users, object(), _Readers()
        try:
            while isinstance(user := users.setdefault(USER, readers), _Readers):
                readers = user
                readers.calls[call] = None
                if users.get(USER) is readers:  # else the last of them left meanwhile
                    break
            if isinstance(user, _Readers):
                yield
            else:
                with chunk_of(user):
                    yield
        finally:
            if call in readers.calls:
                del readers.calls[call]
            if not readers.calls and USER in users and users[USER] is readers:
                del users[USER]


@contextmanager
def chunk_of(user: object) -> Iterator[None]:
    """Return the context of a call amid another's use: in a long call of the same thread, between chunks.

    Raises
    ------
    ConcurrentUseError
        If it is anything else.
    """
    if not isinstance(user, Run):
        raise ConcurrentUseError(FAULT)
    with user.lock:  # while the chip is lent, its own thread waits
        if user.thread != get_ident():
            raise ConcurrentUseError(FAULT)
        if user.staggered:
            raise ConcurrentUseError(BETWEEN)
        user.begin()
    try:
        yield
    finally:
        user.computing = False


class OneAtATime:
    """What one thread at a time may use: methods that are marked `alone` refuse a second one amid a first.

    The mark takes .2 us. Methods that get single samples look at `_users` themselves, which takes half as long.
    """

    _users: dict[str, object]  # as `Use.users`

    def __new__(cls, *_given: Any, **_named: Any) -> Self:
        """Return one that nobody uses, a copy too."""
        new = super().__new__(cls)
        new._users = {}
        return new

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy has: who uses this is no part of it."""
        return {name: value for name, value in self.__dict__.items() if name != "_users"}

    def _in_use(self) -> ConcurrentUseError:
        """Return what a second thread is told."""
        return ConcurrentUseError(
            f"{type(self).__name__} must be used by one thread at a time, and another call is using it; call it under "
            "a lock, or give each thread one of its own"
        )


def alone(method: Callable[Concatenate[User, Given], Returned]) -> Callable[Concatenate[User, Given], Returned]:
    """Return a method that refuses to be called amid another call of its kind, of this thread or of a second one.

    As `Use.alone`, which takes longer. Such a method must not call another one of the same object.
    """

    @wraps(method)
    def guarded(self: User, /, *given: Given.args, **named: Given.kwargs) -> Returned:
        users, call = self._users, object()
        try:
            if users.setdefault(USER, call) is call:
                return method(self, *given, **named)
            raise self._in_use()
        finally:
            if USER in users and users[USER] is call:
                del users[USER]

    return guarded
