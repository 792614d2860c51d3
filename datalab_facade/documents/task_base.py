"""What all tasks have in common: what to do with a document, as a value. No IO.

A task checks its fields when it is made, writes them as form fields or as a JSON body,
and becomes plain JSON and comes back, so that runs, Airflow and the command line carry it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Self, TypeVar, cast

import attrs

from datalab_facade.arguments import checked_count
from datalab_facade.codec import JSONFormat, form_of_field, hints_of, plan_of
from datalab_facade.errors import InvalidArgumentError, UnknownOptionError
from datalab_facade.json_forms import JSON, Form, InvalidJSONError, named
from datalab_facade.known_secrets import Redacted, redact_value
from datalab_facade.redaction import redact_url
from datalab_facade.workflows.checks import find_json_issues

R_co = TypeVar("R_co", covariant=True)

_VERSION: Final = 1
_SOURCE_FIELDS: Final = ("file", "file_url", "checkpoint_id")
_BY_VERB: Final[dict[str, type[Task[Any]]]] = {}


def shown(value: object) -> str:
    """Return the repr of a field's value without what is secret in it."""
    return repr(Redacted(cast("JSON", dict(value) if isinstance(value, Mapping) else value)))


def shown_webhook(url: str | None) -> str:
    """Return the repr of a webhook's URL, whose path is often a secret."""
    return repr(_redacted_webhook(url))


def to_formats(value: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Return the names of formats, of which one may be a comma-separated list; None stays None.

    >>> to_formats("markdown, html"), to_formats(["json"])
    (('markdown', 'html'), ('json',))

    Raises:
        InvalidArgumentError: They are not texts, or one of them is empty.
    """
    return _to_names("output_format", value)


def to_extras(value: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Return the names of extras, as :func:`to_formats` does for those of formats.

    Raises:
        InvalidArgumentError: They are not texts, or one of them is empty.
    """
    return _to_names("extras", value)


def _to_names(field: str, value: str | Iterable[str] | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, (str, Iterable)):
        raise InvalidArgumentError(f"{field} must be a name or several, not {named(value)}")
    listed = [value] if isinstance(value, str) else list(value)
    if not all(isinstance(one, str) for one in listed):
        raise InvalidArgumentError(f"{field} must hold texts only, not {named(value)}")
    names = tuple(name.strip() for one in listed for name in one.split(","))
    if not names or not all(names):
        raise InvalidArgumentError(f"{field} is empty or has an empty name")
    return names


def _to_extra(value: Mapping[str, JSON] | None) -> Mapping[str, JSON]:
    return {} if value is None else value


def check_max_pages(count: int | None) -> None:
    """Check a number of pages.

    Raises:
        InvalidArgumentError: It is less than 1.
    """
    if count is not None:
        checked_count("max_pages", count, least=1)


@attrs.frozen(kw_only=True, repr=False)
class Task(Generic[R_co]):
    """What to do with a document: the base of ``Convert``, ``Extract`` and all the others.

    A field that is None is not sent, so that the server's own default holds.

    >>> from datalab_facade.documents.tasks import Convert
    >>> task = Convert(output_format=["markdown", "html"], page_range=range(3), paginate=True)
    >>> task.fields()
    {'page_range': '0-2', 'paginate': 'true', 'output_format': 'markdown,html'}
    >>> Task.from_dict(task.to_dict()) == task
    True
    """

    _json: ClassVar[JSONFormat] = JSONFormat(by_hand=True)
    _wire_names: ClassVar[Mapping[str, str]] = {}

    endpoint: ClassVar[str]
    """The path of the operation after ``/api/v1/``: ``"track-changes"``."""
    verb: ClassVar[str]
    """The name of the method and, in JSON, of the task: ``"track_changes"``."""
    is_form: ClassVar[bool] = True
    """Whether it is sent as a form with :meth:`fields`, or as JSON with :meth:`body`."""
    takes_file: ClassVar[bool] = True
    """Whether its source can be a file or a URL."""
    takes_checkpoint: ClassVar[bool] = False
    """Whether its source can be a checkpoint of an earlier result."""

    extra: Mapping[str, JSON] = attrs.field(
        factory=dict, hash=False, repr=shown, converter=_to_extra
    )
    """Fields that this version does not know, by their names in the API, sent as they are."""

    if not TYPE_CHECKING:

        def __new__(cls, *_: object, **fields: object) -> Self:
            """Check the names of the fields, with a suggestion for one that is not known."""
            if cls is Task:
                raise TypeError("Task is abstract; use Convert, Extract or another task")
            for name in fields:
                if name not in argument_names(cls):
                    names = argument_names(cls)
                    message = _unknown(cls, name, names)
                    raise UnknownOptionError(message, name=name, options=tuple(sorted(names)))
            return super().__new__(cls)

    def __repr__(self) -> str:
        """Show the fields that are set, without secrets."""
        parts: list[str] = []
        for field in _fields(type(self)):
            value = getattr(self, field.name)
            if value is not None and (field.name != "extra" or value):
                text = field.repr(value) if callable(field.repr) else repr(value)
                parts.append(f"{field.alias or field.name}={text}")
        return f"{type(self).__name__}({', '.join(parts)})"

    def __init_subclass__(cls) -> None:
        """Register a task under its verb."""
        super().__init_subclass__()
        if "verb" in cls.__dict__:
            _BY_VERB[cls.verb] = cls

    def __attrs_post_init__(self) -> None:
        """Check the fields."""
        needed = {field.name for field in _fields(type(self)) if field.default is attrs.NOTHING}
        for name, form in _forms(type(self)).items():
            value = getattr(self, name)
            if value is not None:
                self._check_field(name, value, form)
            elif name in needed:
                raise InvalidArgumentError(f"{type(self).__name__}: {name} is missing")
        known = field_names(type(self))
        for name in self.extra:
            if name in _SOURCE_FIELDS:
                raise InvalidArgumentError(f"extra has {name!r}, which the source says")
            if name in known:
                argument = argument_of(type(self), known[name])
                raise InvalidArgumentError(
                    f"extra has {name!r}, which is a field of its own: pass {argument}="
                )
        self._check()

    def _check_field(self, name: str, value: object, form: Form) -> None:
        try:
            form.read(value)
        except InvalidJSONError as wrong:
            why = wrong.inside(name).sentence(named, whole=name)
            raise InvalidArgumentError(f"{type(self).__name__}: {why}") from None
        plain = dict(value) if isinstance(value, Mapping) else value
        plain = list(plain) if isinstance(plain, tuple) else plain
        for issue in find_json_issues(plain, name):
            raise InvalidArgumentError(f"{type(self).__name__}: {issue}")

    def _check(self) -> None:
        """Check what the type of a field does not say."""

    def body(self) -> dict[str, JSON]:
        """Return what is sent as a JSON body; the source is not part of it."""
        found: dict[str, JSON] = {}
        for name in _forms(type(self)):
            value = getattr(self, name)
            if value is not None and name != "extra":
                plain = list(value) if isinstance(value, tuple) else value
                found[self._wire_names.get(name, name)] = plain
        found.update((name, value) for name, value in self.extra.items() if value is not None)
        return found

    def fields(self) -> dict[str, str]:
        """Return what is sent as form fields; the source is not part of it.

        Booleans are ``true`` and ``false``, names are joined by commas, and objects are
        compact JSON.
        """
        named_lists = {
            self._wire_names.get(name, name)
            for name in _forms(type(self))
            if isinstance(getattr(self, name), tuple)
        }
        return {
            name: ",".join(cast("list[str]", value)) if name in named_lists else _text(value)
            for name, value in self.body().items()
        }

    def redacted(self) -> dict[str, JSON]:
        """Return :meth:`body` without its secrets, for logs and errors.

        Of ``webhook_url`` only the origin is left, since its path often is a secret.
        """
        found = cast("dict[str, JSON]", redact_value(self.body()))
        if "webhook_url" in found:
            found["webhook_url"] = _redacted_webhook(found["webhook_url"])
        return found

    def to_dict(self) -> dict[str, JSON]:
        """Return the task as plain JSON, secrets included; fields that are None are left out."""
        return {"version": _VERSION, "task": self.verb, **plan_of(type(self)).write(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Self:
        """Build a task of what :meth:`to_dict` returned, or of what somebody wrote by hand.

        ``Task.from_dict`` builds any task, ``Convert.from_dict`` only that one.

        Raises:
            InvalidArgumentError: The data is something else, or has a name that is not
                known; the message suggests a similar one. A value may be written as for the
                constructor: ``"output_format": "markdown"``.
        """
        if not isinstance(data, Mapping):
            raise InvalidArgumentError(f"A task must be an object, not {named(data)}")
        values = dict(data)
        version = values.pop("version", _VERSION)
        if version != _VERSION or isinstance(version, bool):
            raise InvalidArgumentError(
                f"The task has version {version!r:.50}, but only version {_VERSION} is supported. "
                f"Read it with the release of datalab-facade that wrote it"
            )
        kind = cls._of_verb(values.pop("task", None))
        known = {field.name: field for field in _fields(kind) if field.name in _forms(kind)}
        for name in values:
            if name not in known:
                raise InvalidArgumentError(_unknown(kind, name, known))
        for name, field in known.items():
            if field.default is attrs.NOTHING and name not in values:
                raise InvalidArgumentError(f"The task {kind.verb!r} has no {name}")
        arguments: dict[str, Any] = {known[name].alias or name: values[name] for name in values}
        return cast("Self", kind(**arguments))

    @classmethod
    def _of_verb(cls, verb: object) -> type[Task[R_co]]:
        kind = _BY_VERB.get(verb) if isinstance(verb, str) else None
        if kind is None or not issubclass(kind, cls):
            expected = ", ".join(sorted(_BY_VERB)) if cls is Task else cls.verb
            raise InvalidArgumentError(
                f"The task must be one of: {expected}; not {verb!r:.50}"
                f"{_but_similar(verb, _BY_VERB)}"
            )
        return kind


def argument_names(kind: type[Task[Any]]) -> tuple[str, ...]:
    """Return the names of a task's arguments."""
    return tuple(field.alias or field.name for field in _fields(kind))


def field_names(kind: type[Task[Any]]) -> dict[str, str]:
    """Return the names of a task's attributes by those of the API's fields, without ``extra``."""
    return {kind._wire_names.get(name, name): name for name in _forms(kind) if name != "extra"}  # noqa: SLF001


def argument_of(kind: type[Task[Any]], name: str) -> str:
    """Return the name of the argument for an attribute."""
    return next(field.alias or name for field in _fields(kind) if field.name == name)


def _unknown(kind: type, name: object, known: Iterable[str]) -> str:
    return (
        f"{kind.__name__} has no field {name!r:.50}{_but_similar(name, known)}. For fields of "
        f"the API that this version does not know, use extra={{...}}"
    )


def _but_similar(word: object, known: Iterable[str]) -> str:
    from difflib import get_close_matches  # rarely needed

    close = get_close_matches(word, sorted(known), n=1) if isinstance(word, str) else []
    return f", but {close[0]!r}" if close else ""


def _text(value: JSON) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _redacted_webhook(url: JSON) -> JSON:
    if not isinstance(url, str):
        return url
    found = redact_url(url).split("/")
    return "/".join([*found[:3], "…"] if len(found) > 3 else found)


def _fields(kind: type[Task[Any]]) -> tuple[attrs.Attribute[Any], ...]:
    found: tuple[attrs.Attribute[Any], ...] = attrs.fields(cast("Any", kind))
    return found


_FORMS: Final[dict[type, Mapping[str, Form]]] = {}


def _forms(kind: type[Task[Any]]) -> Mapping[str, Form]:
    """Return how each field is written, without those that only matter here."""
    forms = _FORMS.get(kind)
    if forms is None:
        hints = hints_of(kind)
        forms = _FORMS[kind] = {
            field.name: form_of_field(hints[field.name])
            for field in _fields(kind)
            if field.name != "into"
        }
    return forms
