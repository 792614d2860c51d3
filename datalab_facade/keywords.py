"""Options that are passed by keyword: how signatures show them, and what is said of a wrong one.

Many methods take the same options as ``**options: Unpack[CallOptions]``. Type checkers and editors
know what that means; ``help()``, notebooks and mocks ask :func:`inspect.signature`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from importlib import import_module
from inspect import Parameter, Signature
from types import FrameType, MappingProxyType
from typing import ForwardRef, TypeVar, cast

from datalab_facade.errors import UnknownOptionError
from datalab_facade.redaction import excerpt

_T = TypeVar("_T")


def shows_options(*kinds: type | str) -> Callable[[_T], _T]:
    """Decorate a function, or a class with such methods, so that signatures show each option.

    Args:
        kinds: The TypedDicts of the ``**options``; ``"module:Name"`` for one that is to be
            imported only when somebody looks at a signature.
    """
    by_name = {_name_of(kind): kind for kind in kinds}

    def decorate(decorated: _T) -> _T:
        if isinstance(decorated, type):
            for method in vars(decorated).values():
                if inspect.isfunction(method):
                    _show(method, by_name)
        else:
            _show(cast("Callable[..., object]", decorated), by_name)
        return decorated

    return decorate


def _name_of(kind: type | str) -> str:
    return kind.rpartition(":")[2] if isinstance(kind, str) else kind.__name__


def _show(function: Callable[..., object], kinds: Mapping[str, type | str]) -> None:
    if not any(str(text).startswith("Unpack[") for text in function.__annotations__.values()):
        return
    plain = inspect.signature(function)
    *named, options = plain.parameters.values()
    vars(function)["__signature__"] = _ShownSignature(
        named,
        return_annotation=plain.return_annotation,
        options=kinds[options.annotation.removeprefix("Unpack[").removesuffix("]")],
    )


class _LeftOut:
    """Stands for a default: an option that is left out is as the client has it."""

    def __repr__(self) -> str:
        return "..."


_LEFT_OUT = _LeftOut()


class _ShownSignature(Signature):
    """A signature to which options are added when somebody looks at it."""

    def __init__(
        self,
        parameters: Sequence[Parameter] | None = None,
        *,
        return_annotation: object = Signature.empty,
        options: type | str | None = None,
    ) -> None:
        super().__init__(parameters, return_annotation=return_annotation)
        # A signature that is made of this one has them among its parameters.
        self._options = options

    @property
    def parameters(self) -> MappingProxyType[str, Parameter]:
        """The parameters, and then each option that is not one of them."""
        named = super().parameters
        shown = (
            Parameter(name, Parameter.KEYWORD_ONLY, default=_LEFT_OUT, annotation=annotation)
            for name, annotation in _annotations(self._options).items()
            if name not in named
        )
        return MappingProxyType({**named, **{one.name: one for one in shown}})


def _annotations(kind: type | str | None) -> dict[str, object]:
    if kind is None:
        return {}
    if isinstance(kind, str):
        module, _, name = kind.partition(":")
        kind = cast("type", getattr(import_module(module), name))
    return {
        name: annotation.__forward_arg__ if isinstance(annotation, ForwardRef) else annotation
        for name, annotation in kind.__annotations__.items()
    }


def check_options(
    options: Mapping[str, object], known: Collection[str], *, advice: Mapping[str, str]
) -> None:
    """Accept options if all of them are known.

    Args:
        options: The options that were passed.
        known: The names of all that may be.
        advice: What to say of names that are often taken for options.

    Raises:
        UnknownOptionError: One is not known. The error names the most similar one, and all.
    """
    if options.keys() <= set(known):
        return
    import difflib  # for errors only

    name = min(options.keys() - set(known))
    places = list(_calls_with(name, inspect.currentframe()))
    names = sorted({*known, *(one for place in places for one in _keywords_of(place))})
    where = f"{_name_of_call(places[-1])}() got an " if places else ""
    text = f"{where}unknown option {excerpt(name, limit=50)!r}. "
    similar = difflib.get_close_matches(name, names, n=1)
    if name in advice:
        text += f"{advice[name]}. "
    elif similar:
        text += f"Did you mean {similar[0]!r}? "
    raise UnknownOptionError(
        f"{text}The options are {', '.join(names)}", name=name, options=tuple(names)
    )


def _calls_with(name: str, frame: FrameType | None) -> Iterator[FrameType]:
    """Yield the calls of this package that were given an option, the innermost first."""
    while frame is not None and frame.f_globals.get("__name__", "").startswith("datalab_facade"):
        code = frame.f_code
        if code.co_flags & inspect.CO_VARKEYWORDS:
            place = code.co_argcount + code.co_kwonlyargcount
            place += bool(code.co_flags & inspect.CO_VARARGS)
            if name in frame.f_locals.get(code.co_varnames[place], ()):
                yield frame
        frame = frame.f_back


def _name_of_call(frame: FrameType) -> str:
    """Return what the caller knows a call by: of a method, with the class of the object."""
    code = frame.f_code
    if code.co_argcount and code.co_varnames[0] == "self":
        return f"{type(frame.f_locals['self']).__name__}.{code.co_name}"
    return code.co_qualname


def _keywords_of(frame: FrameType) -> tuple[str, ...]:
    code = frame.f_code
    return code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount]
