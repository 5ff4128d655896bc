"""A machine that runs pickles and knows only data.

It follows the opcodes that ``pickletools`` reads, but a global name stays a name: those by which PyTorch stores
tensors become :class:`TensorRef`, an ordered dict becomes a dict, and any other name ends the reading. Nothing is
imported and nothing is called.

A pickle may name what it has built again and again, so that a few bytes can stand for a value of any size. Hence three
rules: steps and copied items are counted; only strings and numbers are compared, hashed or put into words; and words
are cut (:func:`shown`).
"""

from __future__ import annotations

import io
import pickletools
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol


class Unreadable(Exception):
    """The content is broken, or asks for more than data."""


MOST_STEPS = 2_000_000
"""Opcodes of one pickle, each of which may take a hundred bytes; a checkpoint of 1,000 tensors has about 30,000."""
MOST_COPIED = 1_000_000
"""Items of containers that are built out of other containers, all together."""
MOST_CONTAINERS = 1_000_000
"""Lists, tuples and dicts; an empty dict takes 64 bytes, and one byte of a file."""
MOST_KEY_BITS = 60
"""Size of an integer that is a key: larger ones can be chosen so that all have one hash, and every use of the dict
then looks at all of them."""
MOST_BITS = 4_096
"""Size of an integer; PyTorch's own magic number has 77 bits."""
MOST_AXES = 64
"""Dimensions of a tensor, PyTorch's own limit."""
_MOST_SHOWN = 80


def shown(value: object) -> str:
    """A value out of a pickle in a few words: strings and numbers, cut; of anything else the type alone, since what a
    pickle has nested would be written out again and again."""
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        return "a huge number"
    if not isinstance(value, (str, bytes, int, float, type(None))):
        return f"a {type(value).__name__}"
    words = repr(value[: _MOST_SHOWN + 1] if isinstance(value, (str, bytes)) else value)
    return words if len(words) <= _MOST_SHOWN else f"{words[:_MOST_SHOWN]}…"


class Name(NamedTuple):
    """A global name."""

    module: str
    attribute: str


class StorageRef(NamedTuple):
    """A flat block of values: its type's name, its key in the checkpoint, how many values it has."""

    kind: str
    key: str
    length: int


class NestedStorage(NamedTuple):
    """A storage that lies in the pickle itself, as a file of the older layout."""

    data: bytes


class TensorRef(NamedTuple):
    """A view of a storage, in values."""

    storage: StorageRef | NestedStorage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class Vocabulary(Protocol):
    """Further names that a pickle may use, and what stands for what they would make: data, and nothing else."""

    def knows(self, name: Name) -> bool:
        """Whether a pickle may use the name."""
        ...

    def call(self, name: Name, arguments: tuple[Any, ...]) -> Any:
        """What stands for the result of calling the name.

        Raises:
            TypeError: it cannot be called so.
        """
        ...

    def build(self, target: Any, state: Any) -> None:
        """Give an object that :meth:`call` made its state.

        Raises:
            TypeError: it has none of that kind.
        """
        ...


@dataclass
class Run:
    """What pickles held.

    Args:
        values: one for each pickle.
        end: where the last one ends.
        storages: all that were named, by key.
    """

    values: list[Any] = field(default_factory=list)
    end: int = 0
    storages: dict[str, StorageRef] = field(default_factory=dict)


def run_pickle(
    data: bytes, storage_types: Collection[str], *, count: int = 1, vocabulary: Vocabulary | None = None
) -> Run:
    """Run ``count`` pickles that follow one another from the beginning of ``data``.

    Args:
        data: the pickles.
        storage_types: attributes of ``torch`` that name a type of storage.
        count: how many to run.
        vocabulary: names beyond those of tensors; ``None`` for none.

    Raises:
        Unreadable: a broken pickle, or one that asks for more than data.
    """
    run, stream = Run(), io.BytesIO(data)
    for _ in range(count):
        machine = _Machine(storage_types, run.storages, vocabulary)
        try:
            # Broken escapes in strings are refused or kept, and are nobody's bug to be warned of.
            with warnings.catch_warnings(action="ignore"):
                for steps, (opcode, argument, _position) in enumerate(pickletools.genops(stream)):
                    if steps == MOST_STEPS:
                        raise Unreadable(f"has more than {MOST_STEPS:,} steps, which no file of tensors needs")
                    if opcode.name == "STOP":
                        run.values.append(machine.stack.pop())
                        break
                    machine.step(opcode.name, argument)
        except (ValueError, IndexError, TypeError, KeyError, AttributeError) as problem:
            # Messages of pickletools repeat what they could not read, which may be most of the file.
            raise Unreadable(f"is no readable pickle ({shown(str(problem))})") from problem
    run.end = stream.tell()
    return run


_ORDERED_DICT = Name("collections", "OrderedDict")
_SIZE = Name("torch", "Size")
_PARAMETER = Name("torch._utils", "_rebuild_parameter")
_TENSORS = (Name("torch._utils", "_rebuild_tensor"), Name("torch._utils", "_rebuild_tensor_v2"))
_CALLABLE = (_ORDERED_DICT, _SIZE, _PARAMETER, *_TENSORS)
_MARK = object()
_IGNORED = ("PROTO", "FRAME")
_CONSTANTS: Mapping[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES = ("INT", "LONG", "FLOAT", "STRING", "UNICODE")
"""Opcodes that push their argument; their binary forms begin with BIN, LONG or SHORT_BIN."""
_BINARY = (
    *("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT", "BINSTRING", "SHORT_BINSTRING", "BINUNICODE"),
    *("SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
)
_PUTS = ("PUT", "BINPUT", "LONG_BINPUT")
_GETS = ("GET", "BINGET", "LONG_BINGET")
_TUPLES: Mapping[str, int] = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_CONTAINERS = (*_TUPLES, "EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET", "LIST", "TUPLE", "DICT")
_OF_OBJECTS = ("NEWOBJ", "EMPTY_SET", "ADDITEMS")
"""Opcodes that files of tensors do not need; a set is read as a list."""


class _Machine:
    """Stack and memo of one pickle.

    Attributes:
        copied: items so far of containers that were built out of other containers.
        containers: lists, tuples and dicts so far.
    """

    def __init__(
        self, storage_types: Collection[str], storages: dict[str, StorageRef], vocabulary: Vocabulary | None
    ) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.copied = self.containers = 0
        self.storage_types, self.storages, self.vocabulary = storage_types, storages, vocabulary
        self.actions: Mapping[str, Callable[[], object]] = {
            "MARK": lambda: self.stack.append(_MARK),
            "POP": lambda: self._take(1),
            "POP_MARK": self._since_mark,
            "DUP": lambda: self.stack.append(self.stack[-1]),
            "MEMOIZE": lambda: self._remember(len(self.memo)),
            "EMPTY_LIST": lambda: self.stack.append([]),
            "EMPTY_DICT": lambda: self.stack.append({}),
            "LIST": lambda: self.stack.append(self._since_mark()),
            "TUPLE": lambda: self.stack.append(tuple(self._since_mark())),
            "DICT": lambda: self._set_items(self._since_mark(), into={}),
            "APPEND": lambda: self._extend(self._take(1)),
            "APPENDS": lambda: self._extend(self._since_mark()),
            "SETITEM": lambda: self._set_items(self._take(2)),
            "SETITEMS": lambda: self._set_items(self._since_mark()),
            "STACK_GLOBAL": lambda: self._name(*self._take(2)),
            "REDUCE": lambda: self._call(*self._take(2)),
            "BUILD": self._build,
            "NEWOBJ": lambda: self._call(*self._take(2)),
            "EMPTY_SET": lambda: self.stack.append([]),
            "ADDITEMS": lambda: self._extend(self._since_mark()),
            "BINPERSID": lambda: self._storage(self.stack.pop()),
        }

    def step(self, opcode: str, argument: Any) -> None:
        """Run one opcode.

        Raises:
            Unreadable: it is not among those of data.
        """
        if opcode in _IGNORED:
            return
        self.containers += opcode in _CONTAINERS
        if self.containers > MOST_CONTAINERS:
            raise Unreadable(f"has more than {MOST_CONTAINERS:,} containers, which no file of tensors needs")
        if opcode in _VALUES or opcode in _BINARY:
            # Integers do not remember their hash: as a key, a huge one would be read anew at every use.
            if isinstance(argument, int) and argument.bit_length() > MOST_BITS:
                raise Unreadable(f"holds a number of more than {MOST_BITS} bits")
            self.stack.append(argument)
        elif opcode in _CONSTANTS:
            self.stack.append(_CONSTANTS[opcode])
        elif opcode in _TUPLES:
            self.stack.append(tuple(self._take(_TUPLES[opcode])))
        elif opcode in _PUTS:
            self._remember(argument)
        elif opcode in _GETS:
            self.stack.append(self.memo[argument])
        elif opcode == "GLOBAL":
            self._name(*argument.split(" ", 1))
        elif opcode in self.actions and (self.vocabulary is not None or opcode not in _OF_OBJECTS):
            self.actions[opcode]()
        else:
            raise Unreadable(f"asks for {opcode}, which no file of tensors needs")

    def _take(self, count: int) -> list[Any]:
        start = len(self.stack) - count
        if start < 0:
            raise IndexError("the stack is empty")
        taken = self.stack[start:]
        del self.stack[start:]
        return taken

    def _since_mark(self) -> list[Any]:
        start = next((i for i in reversed(range(len(self.stack))) if self.stack[i] is _MARK), None)
        if start is None:
            raise IndexError("a mark is missing")
        taken = self.stack[start + 1 :]
        del self.stack[start:]
        return taken

    def _remember(self, key: int) -> None:
        if not 0 <= key < 1 << MOST_KEY_BITS:
            raise Unreadable(f"remembers under a number of more than {MOST_KEY_BITS} bits")
        self.memo[key] = self.stack[-1]

    def _extend(self, items: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise TypeError("only lists grow")
        self.stack[-1].extend(items)

    def _set_items(self, items: list[Any], into: dict[Any, Any] | None = None) -> None:
        if into is not None:
            self.stack.append(into)
        target = self.stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise TypeError("only dicts have items, and these come in pairs")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, (str, int, float)):
                raise TypeError("keys are strings or numbers")
            if isinstance(key, int) and key.bit_length() > MOST_KEY_BITS:
                raise Unreadable(f"has a key of more than {MOST_KEY_BITS} bits")
            target[key] = value

    def _name(self, module: Any, attribute: Any) -> None:
        # STACK_GLOBAL takes whatever lies on the stack; lists of lists must not reach a comparison or a message.
        if not isinstance(module, str) or not isinstance(attribute, str):
            raise TypeError("a global name is made of two strings")
        name = Name(module, attribute)
        known = name in _CALLABLE or (module == "torch" and attribute in self.storage_types)
        if not known and not (self.vocabulary is not None and self.vocabulary.knows(name)):
            raise Unreadable(
                f"asks for {shown(f'{module}.{attribute}')[1:-1]}; only tensors, numbers, strings, lists and dicts are "
                "read. Save its state dict, or convert it to safetensors"
            )
        self.stack.append(name)

    def _call(self, function: Any, arguments: Any) -> None:
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise TypeError("only names are called")
        if function == _ORDERED_DICT:
            # Python 2 gives the items as pairs; Python 3 sets them afterwards.
            pairs = [self._copy(pair, 2) for pair in self._copy(arguments[0])] if arguments else []
            self._set_items([part for key, value in pairs for part in (key, value)], into={})
        elif function == _SIZE:
            self.stack.append(self._whole_numbers(arguments[0]))
        elif function == _PARAMETER:
            self.stack.append(arguments[0])
        elif function in _TENSORS:
            storage, offset, size, stride = arguments[:4]
            if not isinstance(storage, (StorageRef, NestedStorage)) or type(offset) is not int:
                raise TypeError("a tensor is a view of a storage")
            self.stack.append(TensorRef(storage, offset, self._whole_numbers(size), self._whole_numbers(stride)))
        elif self.vocabulary is not None and self.vocabulary.knows(function):
            self.stack.append(self.vocabulary.call(function, self._copy(arguments)))
        else:
            raise TypeError("types of storages cannot be called")

    def _copy(self, items: Any, most: int = MOST_COPIED) -> tuple[Any, ...]:
        """The items of a list or tuple, counted: the same list may be given to thousands of calls.

        Raises:
            Unreadable: more items were copied than a file of tensors has.
            TypeError: it is neither, or longer than ``most``.
        """
        if not isinstance(items, (list, tuple)) or len(items) > most:
            raise TypeError(f"a list of at most {most:,} items must stand here")
        self.copied += len(items)
        if self.copied > MOST_COPIED:
            raise Unreadable(f"copies more than {MOST_COPIED:,} items, which no file of tensors needs")
        return tuple(items)

    def _whole_numbers(self, items: Any) -> tuple[int, ...]:
        """A shape or strides.

        Raises:
            TypeError: they are none.
        """
        numbers = self._copy(items, MOST_AXES)
        if not all(type(number) is int for number in numbers):
            raise TypeError("sizes and strides are whole numbers")
        return numbers

    def _build(self) -> None:
        state = self.stack.pop()
        # State dicts carry format versions of their modules as an attribute, which is left out.
        if isinstance(self.stack[-1], dict):
            return
        if self.vocabulary is None:
            raise TypeError("only dicts carry attributes")
        self.vocabulary.build(self.stack[-1], state)

    def _storage(self, reference: Any) -> None:
        mark, kind, key, _place, count = reference[:5]
        known = isinstance(kind, Name) and kind.module == "torch" and kind.attribute in self.storage_types
        # Any other key could be a list that unfolds without end when it is put into words.
        if mark != "storage" or not known or not isinstance(key, (str, int)) or type(count) is not int:
            raise TypeError("a persistent name must stand for a storage")
        if len(reference) > 5 and reference[5] is not None:
            raise Unreadable("holds views of storages in a form older than PyTorch 0.4")
        ref = StorageRef(kind.attribute, str(key), count)
        if self.storages.setdefault(ref.key, ref) != ref:
            raise TypeError(f"the storage {shown(ref.key)} is named twice, differently")
        self.stack.append(ref)
