"""What a pickle describes. Unpickling runs whatever the file names; here nothing is run.

A pickle is a program for a stack machine. This one knows plain values and containers. What the
file would import is looked up in a list of names, and what it would call is noted as a record.
"""

import pickletools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_MOST_SHOWN: Final = 80  # characters of a name that a stranger chose
_VALUES: Final = frozenset(
    (
        *("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"),
        *("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
        *("SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    )
)
_CONSTANTS: Final[Mapping[str, Any]] = {
    "NONE": None,
    "NEWTRUE": True,
    "NEWFALSE": False,
    "EMPTY_TUPLE": (),
}
_WIDTHS: Final = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_IGNORED: Final = frozenset(("PROTO", "FRAME", "STOP"))


@dataclass(frozen=True)
class Named:
    """A class or function that a pickle names; it is never imported.

    Args:
        kind: What it is to the reader.
    """

    kind: str


@dataclass(eq=False)
class Made:
    """What a pickle would make.

    Args:
        kind: Of the class or function that it would call; `call` if it would make that first.
        args: That it would give; of a `call` what is called comes first.
        state: That it would set afterwards.
    """

    kind: str
    args: tuple[Any, ...]
    state: Any = None


def describe(content: bytes, known: Mapping[str, str]) -> Any:
    """What a pickle describes, as plain values, `Named` and `Made`.

    Args:
        content: Of the file, protocol 2 to 5.
        known: Kinds of what it may name, by `module name`.

    Raises:
        ValueError: It names something else, or is no such pickle.
    """
    machine = _Machine(known)
    for opcode, argument, _ in pickletools.genops(content):
        machine.step(opcode.name, argument)
    if len(machine.stack) != 1 or machine.marks:
        raise ValueError("it ends with an unfinished value")
    return machine.stack[0]


class _Machine:
    """Stack, marks on it (its length at each) and numbered values of one pickle."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self.known = known
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        """Take one instruction."""
        if name in _VALUES:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _WIDTHS:
            self.stack.append(tuple(self._pop_last(_WIDTHS[name])))
        elif name not in _IGNORED:
            instruction = getattr(self, f"_{name.lower()}", None)
            if instruction is None:
                raise ValueError(f"it has the instruction {name}, which no table needs")
            instruction(argument)

    def _pop_last(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise ValueError("it takes a value where there is none")
        start = len(self.stack) - count
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def _pop_marked(self) -> list[Any]:
        return self._pop_last(len(self.stack) - self.marks.pop())

    def _mark(self, _: Any) -> None:
        self.marks.append(len(self.stack))

    def _pop(self, _: Any) -> None:
        self._pop_last(1)

    def _dup(self, _: Any) -> None:
        self.stack.append(self.stack[-1])

    def _pop_mark(self, _: Any) -> None:
        self._pop_marked()

    def _memoize(self, _: Any) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def _binput(self, number: int) -> None:
        self.memo[number] = self.stack[-1]

    def _binget(self, number: int) -> None:
        self.stack.append(self.memo[number])

    _long_binput, _long_binget = _binput, _binget

    def _tuple(self, _: Any) -> None:
        self.stack.append(tuple(self._pop_marked()))

    def _empty_list(self, _: Any) -> None:
        self.stack.append([])

    def _append(self, _: Any) -> None:
        self._extend(self._pop_last(1))

    def _appends(self, _: Any) -> None:
        self._extend(self._pop_marked())

    def _extend(self, values: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise ValueError("it appends to what is no list")
        self.stack[-1].extend(values)

    def _empty_dict(self, _: Any) -> None:
        self.stack.append({})

    def _setitem(self, _: Any) -> None:
        self._update(self._pop_last(2))

    def _setitems(self, _: Any) -> None:
        self._update(self._pop_marked())

    def _update(self, values: list[Any]) -> None:
        keys, content = values[::2], values[1::2]
        if type(self.stack[-1]) is not dict or {type(key) for key in keys} - {str}:
            raise ValueError("it has a mapping whose keys are no texts")
        self.stack[-1].update(zip(keys, content, strict=True))

    def _global(self, named: str) -> None:
        module, _, name = named.partition(" ")
        self._name(module, name)

    def _stack_global(self, _: Any) -> None:
        module, name = self._pop_last(2)
        self._name(module, name)

    def _name(self, module: Any, name: Any) -> None:
        kind = self.known.get(f"{module} {name}")
        if kind is None:
            shown = repr(f"{module}.{name}")[:_MOST_SHOWN]
            raise ValueError(f"it names {shown}, which no table needs; nothing of it was run")
        self.stack.append(Named(kind))

    def _reduce(self, _: Any) -> None:
        of, args = self._pop_last(2)
        if not isinstance(of, Named | Made) or type(args) is not tuple:
            raise ValueError("it calls what is no function")
        self.stack.append(
            Made(of.kind, args) if isinstance(of, Named) else Made("call", (of, *args))
        )

    _newobj = _reduce

    def _build(self, _: Any) -> None:
        (state,) = self._pop_last(1)
        if not isinstance(self.stack[-1], Made):
            raise ValueError("it sets the state of a plain value")
        self.stack[-1].state = state
