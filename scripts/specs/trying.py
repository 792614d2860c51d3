"""Tries generated code in a process of its own: what it would send, and what a document demands.

Everything that was generated is imported, and each operation is asked, with made-up arguments, for
the request that it would make.
"""

import importlib
import inspect
import json
import pickle
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias, cast
from urllib.parse import quote, unquote

import httpx

from specs.building import MismatchError, alternatives_of, build
from specs.demands import pairs_of, text_of
from specs.documents import (
    VARIABLE,
    Document,
    Json,
    Operation,
    array,
    operations,
    resolve,
    schema_of,
    table,
)
from specs.repairs import bodies, classes
from specs.repairs.bodies import FORM, MULTIPART
from specs.samples import TEXT, Sample, ascii_only, sample, without_files

_BODIES = frozenset({"json", "data", "files", "content"})
Finding: TypeAlias = tuple[str, str]
"""An operation, or a file, and what is wrong with it."""


_Sent: TypeAlias = Mapping[str, Any]
"""The arguments of a request of httpx."""

_Names: TypeAlias = list[tuple[str, dict[str, Json]]]
"""The arguments of a generated function, each with its parameter."""


def main(arguments: Sequence[str]) -> None:
    """Try a package; the arguments are its name and a file with a document before and after."""
    package, source = arguments
    demanded, given, modules = pickle.loads(Path(source).read_bytes())  # noqa: S301 - our own file
    findings = [*try_package(package, demanded, given, modules)]
    print(json.dumps(findings))


def try_package(
    package: str, demanded: Document, given: Document, modules: Mapping[str, str]
) -> Iterator[Finding]:
    """Everything that is wrong with a package that was generated from a document."""
    root = Path(str(importlib.import_module(package).__file__)).parent
    present = {path.relative_to(root).as_posix() for path in root.rglob("*.py")}
    broken = set[str]()
    for name in sorted(present):
        try:
            _ = importlib.import_module(_dotted(package, name))
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever generated code raises
            broken.add(name)
            yield name, f"it cannot be imported: {type(error).__name__}: {error}"
    made = {
        name for name in present if name.startswith("api/") and not name.endswith("__init__.py")
    }
    for name in sorted(made - modules.keys()):
        yield name, "it is there, and no operation is called so"
    after = {str(operation): operation for operation in operations(given)}
    before = {operation.id: operation for operation in operations(demanded)}
    for name, called in modules.items():
        if name not in made:
            yield called, f"the generator left it out: there is no {name}"
        elif name not in broken:
            operation = after[called]
            module = importlib.import_module(_dotted(package, name))
            trial = _Trial(module, demanded, given, before[operation.id], operation)
            yield from ((called, finding) for finding in trial.findings())
    yield from _classes(package, given, broken)


def _dotted(package: str, name: str) -> str:
    return ".".join([package, *Path(name).with_suffix("").parts]).removesuffix(".__init__")


def _classes(package: str, given: Document, broken: set[str]) -> Iterator[Finding]:
    """Whether each class is there, and each enum has the values of its schema."""
    for name, place, values in classes.made(given):
        module = f"models/{classes.module(name)}.py"
        if module in broken:
            continue
        try:
            found = getattr(importlib.import_module(_dotted(package, module)), name)
        except (ImportError, AttributeError):
            yield place, f"there is no class {name} for it"
            continue
        if values is not None:
            members = [cast("Json", member.value) for member in found]
            if classes.listed(members) != values:
                yield place, f"{name} has the values {classes.listed(members)}, not {values}"


class _Trial:
    """One operation: its module, and what the document says of it."""

    def __init__(
        self,
        module: types.ModuleType,
        demanded: Document,
        given: Document,
        before: Operation,
        after: Operation,
    ) -> None:
        self._kwargs: Callable[..., dict[str, Any]] = module._get_kwargs  # noqa: SLF001
        self._hints = typing.get_type_hints(self._kwargs, include_extras=False)
        self._demanded, self._given = demanded, given
        self._before, self._after = before, after

    def findings(self) -> Iterator[str]:
        """What is wrong with the operation."""
        try:
            names = self._names()
            for body in self._bodies():
                for whole in (True, False):
                    self._try(names, body, whole=whole)
        except MismatchError as mismatch:
            yield str(mismatch)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever generated code raises
            yield f"it raises {type(error).__name__}: {error}"

    def _parameters(self, where: str) -> list[dict[str, Json]]:
        found = [table(resolve(self._demanded, one)) for one in self._listed()]
        return [one for one in found if one.get("in") == where]

    def _listed(self) -> list[Json]:
        return array(self._before.body.get("parameters"))

    def _in_path(self) -> list[dict[str, Json]]:
        """The parameters of the path, in its order, declared or not."""
        declared = {str(one.get("name")): one for one in self._parameters("path")}
        undeclared: dict[str, Json] = {"schema": {"type": "string"}, "in": "path"}
        return [
            declared.get(name, {**undeclared, "name": name})
            for name in dict.fromkeys(VARIABLE.findall(self._before.path))
        ]

    def _bodies(self) -> list[str]:
        """The content types of the body that there is code for; an empty one if there is none."""
        return [*table(table(self._after.body.get("requestBody")).get("content"))] or [""]

    def _names(self) -> list[tuple[str, dict[str, Json]]]:
        """The arguments of the generated function, each with its parameter."""
        arguments = [*inspect.signature(self._kwargs).parameters]
        has_body = "requestBody" in self._after.body
        if has_body and "body" not in arguments:
            raise MismatchError("there is no argument for the body")
        others = [name for name in arguments if not (has_body and name == "body")]
        expected = [*self._in_path(), *self._parameters("query"), *self._parameters("header")]
        if len(others) != len(expected):
            wanted = ", ".join(str(one.get("name")) for one in expected)
            raise MismatchError(
                f"its arguments are {', '.join(others)}; its parameters are {wanted}"
            )
        return list(zip(others, expected, strict=True))

    def _try(self, names: list[tuple[str, dict[str, Json]]], media: str, *, whole: bool) -> None:
        given, wanted = dict[str, Any](), dict[str, Sample]()
        for argument, parameter in names:
            where = parameter.get("in")
            if not whole and where != "path" and not parameter.get("required"):
                continue
            name = str(parameter.get("name"))
            value = without_files(sample(self._demanded, schema_of(parameter)))
            value = ascii_only(value) if where == "header" else value
            wanted[f"{where} {name}"] = value
            text = text_of(parameter, value) if where in ("path", "header") else None
            what = value if text is None or not isinstance(value, str) else text
            given[argument] = build(self._hints[argument], what, text, f"{where} {name!r}")
        required = table(self._before.body.get("requestBody")).get("required")
        content, body = None, None
        if media and (whole or required):
            content = self._content(media)
            body = sample(self._demanded, content)
            body = body if media == MULTIPART else without_files(body)
            if media in (FORM, MULTIPART):
                fields: dict[str, Sample] = {"key": TEXT}
                body = body if isinstance(body, dict) else fields
            elif not bodies.is_json(media):
                body = b"made up"
            given["body"] = self._body(media, body)
        elif media and table(self._after.body.get("requestBody")).get("required"):
            # What may be left out is left out by giving None.
            given["body"] = None
        sent = self._kwargs(**given)
        self._compare(sent, names, wanted, whole=whole)
        if content is not None:
            self._compare_body(sent, media, body)
        elif any(sent.get(kind) is not None for kind in _BODIES):
            raise MismatchError("it sends a body where none is given")

    def _content(self, media: str) -> Json:
        """The schema of a body as the document has it."""
        content = table(
            table(resolve(self._demanded, self._before.body.get("requestBody"))).get("content")
        )
        about = content.get(media)
        if about is None and content:
            about = next(iter(content.values()))
        return table(about).get("schema", {})

    def _body(self, media: str, body: Sample) -> object:
        kinds = [*alternatives_of(self._hints["body"])]
        many = self._bodies()
        if len(many) > 1:
            # One class for each content type, in their order.
            kinds = [one for one in kinds if one not in _NOTHING]
            kinds = kinds[many.index(media) :] or kinds
        for kind in kinds:
            with suppress(MismatchError):
                return build(kind, body, None, "body")
        return build(self._hints["body"], body, None, "body")

    def _compare(
        self,
        sent: Mapping[str, Any],
        names: list[tuple[str, dict[str, Json]]],
        wanted: Mapping[str, Sample],
        *,
        whole: bool,
    ) -> None:
        self._compare_path(sent, names, wanted)
        self._compare_query(sent, names, wanted, whole=whole)
        self._compare_headers(sent, names, wanted)
        if sent.get("cookies"):
            raise MismatchError(f"it sends the cookies {', '.join(sent['cookies'])}")

    def _compare_path(self, sent: _Sent, names: _Names, wanted: Mapping[str, Sample]) -> None:
        if sent["method"] != self._after.method:
            raise MismatchError(f"its method is {sent['method']}")
        path = self._before.path
        for _, parameter in names:
            if parameter.get("in") == "path":
                name = str(parameter.get("name"))
                text = str(text_of(parameter, wanted[f"path {name}"]))
                path = path.replace(f"{{{name}}}", quote(text, safe=""))
        if unquote(sent["url"]) != unquote(path):
            raise MismatchError(f"its path is {sent['url']}, not {path}")

    def _compare_query(
        self, sent: _Sent, names: _Names, wanted: Mapping[str, Sample], *, whole: bool
    ) -> None:
        pairs = [
            pair
            for _, parameter in names
            if parameter.get("in") == "query" and f"query {parameter.get('name')}" in wanted
            for pair in pairs_of(parameter, wanted[f"query {parameter.get('name')}"])
        ]
        found = httpx.QueryParams(sent.get("params", {})).multi_items()
        if not whole:
            # What is not given may be sent as its default.
            given = {name for name, _ in pairs}
            found = [pair for pair in found if pair[0] in given]
        if sorted(found) != sorted(pairs):
            raise MismatchError(f"its query is {_shown(found)}, not {_shown(pairs)}")

    def _compare_headers(self, sent: _Sent, names: _Names, wanted: Mapping[str, Sample]) -> None:
        headers = httpx.Headers(sent.get("headers", {}))
        for _, parameter in names:
            key = f"header {parameter.get('name')}"
            if key in wanted:
                text, name = text_of(parameter, wanted[key]), str(parameter.get("name"))
                if headers.get(name) != text and name.lower() != "content-type":
                    raise MismatchError(f"its header {name} is {headers.get(name)!r}, not {text!r}")

    def _compare_body(self, sent: Mapping[str, Any], media: str, body: Sample) -> None:
        kinds = sent.keys() & _BODIES
        kind = (
            "data"
            if media == FORM
            else "files"
            if media == MULTIPART
            else "json"
            if bodies.is_json(media)
            else "content"
        )
        if kinds != {kind}:
            raise MismatchError(f"its body of type {media} is sent as {', '.join(sorted(kinds))}")
        said = httpx.Headers(sent.get("headers", {})).get("content-type", "")
        if media.partition(";")[0] not in said:
            raise MismatchError(f"it says that its body is {said!r}, not {media!r}")
        value = sent[kind]
        if kind == "json":
            written = json.loads(json.dumps(value))
            if written != body:
                raise MismatchError(f"its JSON differs: {_difference(written, body)}")
        elif kind == "data":
            if value != body:
                raise MismatchError(f"its form differs: {_difference(value, body)}")
        elif kind == "content":
            if value.read() != body:
                raise MismatchError("it does not send the bytes that it is given")
        else:
            self._compare_files(value, body)

    def _compare_files(self, files: Sequence[tuple[str, tuple[Any, ...]]], body: Sample) -> None:
        fields = body if isinstance(body, dict) else {}
        wanted = [
            (name, one)
            for name, value in fields.items()
            for one in (value if isinstance(value, list) else [value])
        ]
        if sorted(name for name, _ in files) != sorted(name for name, _ in wanted):
            names = ", ".join(name for name, _ in files)
            raise MismatchError(f"the fields of its form are {names}, not {', '.join(fields)}")
        for (name, part), (_, value) in zip(
            sorted(files, key=lambda one: one[0]),
            sorted(wanted, key=lambda one: one[0]),
            strict=True,
        ):
            content = part[1]
            raw = content.read() if hasattr(content, "read") else content
            raw = raw.encode() if isinstance(raw, str) else raw
            if isinstance(value, bytes) != hasattr(content, "read"):
                raise MismatchError(
                    f"the field {name!r} of its form is sent as {type(content).__name__}"
                )
            if not isinstance(raw, bytes):
                raise MismatchError(
                    f"the field {name!r} of its form is {type(raw).__name__}, not bytes"
                )
            if not _same_part(raw, value):
                raise MismatchError(f"the field {name!r} of its form is {raw!r}")


def _same_part(raw: bytes, value: Sample) -> bool:
    if isinstance(value, bytes):
        return raw == value
    if isinstance(value, dict):
        try:
            return bool(json.loads(raw) == value)
        except ValueError:
            # What has no class is sent as Python writes it; whoever fills the form sends text.
            return raw == str(value).encode()
    return raw.decode().lower() == str(value).lower()


_NOTHING = (type(None),)


def _shown(pairs: Sequence[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in pairs) or "empty"


def _difference(found: object, wanted: object, place: str = "") -> str:
    """The first place where two values of JSON differ."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in {**wanted, **found}:
            if key not in found:
                return f"{place}/{key} is not sent"
            if key not in wanted:
                return f"{place}/{key} is sent, and is nowhere in the document"
            if found[key] != wanted[key]:
                return _difference(found[key], wanted[key], f"{place}/{key}")
    if isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        for index, (left, right) in enumerate(zip(found, wanted, strict=True)):
            if left != right:
                return _difference(left, right, f"{place}/{index}")
    return f"{place or 'it'} is {found!r}, not {wanted!r}"


if __name__ == "__main__":
    main(sys.argv[1:])
