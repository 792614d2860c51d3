"""What changed in an API from one document to another, for those who call it through the SDK."""

import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from attrs import frozen

from specs import naming
from specs.comparing import Comparison, Difference, Direction, Kind, Place
from specs.documents import (
    Document,
    Json,
    Operation,
    array,
    behind,
    operations,
    resolve,
    table,
)
from specs.shapes import canonical

_Key: TypeAlias = tuple[str, str]

_JSON = "application/json"
_NO_COOKIES = "the SDK sends no cookies"
_DOCUMENTATION = Difference("documentation", "only", False, Kind.DOCUMENTATION)


@frozen
class Change:
    """One change, to an operation or (where method and path are empty) to the API as a whole."""

    method: str
    path: str
    function: str
    """The generated function that the facade may be using: its name so far, if it has one."""
    subject: str
    message: str
    breaking: bool
    kind: Kind
    hint: str = ""
    cause: str = ""
    """What changed, as seen from the component that it is in; empty if it is in none."""

    @property
    def operation(self) -> str:
        """What the change is about, as a person would call it."""
        return f"{self.method} {self.path}" if self.path else "the API as a whole"


def changes(old: Document, new: Document) -> list[Change]:
    """Every change, the breaking ones first, and otherwise in the order of paths."""
    before = {(operation.path, operation.method): operation for operation in operations(old)}
    after = {(operation.path, operation.method): operation for operation in operations(new)}
    old_functions, new_functions = naming.functions(old), naming.functions(new)
    partners = _partners(before, after)

    found = {_change(difference) for difference in _whole(old, new)}
    for key, operation in before.items():
        function = old_functions[key]
        if key in partners:
            there = partners[key]
            pair = _Pair(old, new, operation, after[there], function, new_functions[there])
            differences = list(pair.differences())
        else:
            differences = [Difference("operation", "was removed", True, Kind.REMOVED)]
        found |= {_change(difference, operation, function) for difference in differences}
    for key in after.keys() - partners.values():
        message = f"was added, and is generated as {new_functions[key]}"
        found.add(_change(Difference("operation", message, False, Kind.ADDED), after[key]))
    return sorted(found, key=_order)


def _change(
    difference: Difference, operation: Operation | None = None, function: str = ""
) -> Change:
    return Change(
        method=operation.method.upper() if operation else "",
        path=operation.path if operation else "",
        function=function,
        subject=difference.place,
        message=difference.message,
        breaking=difference.breaking,
        kind=difference.kind,
        hint=difference.hint,
        cause=difference.cause,
    )


def _order(change: Change) -> tuple[object, ...]:
    documentation = change.kind is Kind.DOCUMENTATION
    described = (change.path, change.method, change.subject, change.message, change.hint)
    return (not change.breaking, documentation, *described, change.kind.value)


def _partners(before: Mapping[_Key, object], after: Mapping[_Key, object]) -> dict[_Key, _Key]:
    """Which operation of before is which of after: a path may have renamed its parameters."""
    partners = {key: key for key in before if key in after}
    unnamed = {_unnamed(key): key for key in after if key not in partners}
    for key in before:
        if key not in partners and _unnamed(key) in unnamed:
            partners[key] = unnamed.pop(_unnamed(key))
    return partners


def _unnamed(key: _Key) -> _Key:
    path, method = key
    return re.sub(r"{[^}]*}", "{}", path), method


def _whole(old: Document, new: Document) -> Iterator[Difference]:
    """What changed around the operations."""
    before, after = _servers(old), _servers(new)
    for url in before - after:
        yield Difference(f"server {url}", "was removed", True, Kind.REMOVED)
    for url in after - before:
        yield Difference(f"server {url}", "was added", False, Kind.ADDED)
    info, new_info = table(old.get("info")), table(new.get("info"))
    if info.get("version") != new_info.get("version"):
        message = f"changed from {info.get('version')} to {new_info.get('version')}"
        yield Difference("version", message, breaking=False)
    elif any(old.get(key) != new.get(key) for key in ("info", "tags", "externalDocs")):
        yield _DOCUMENTATION


def _servers(document: Document) -> set[str]:
    return {str(table(server).get("url")) for server in array(document.get("servers"))}


@frozen
class _Pair:
    """An operation before and after."""

    old: Document
    new: Document
    before: Operation
    after: Operation
    old_function: str
    new_function: str

    def differences(self) -> Iterator[Difference]:
        """Everything that is different. Wording is mentioned only where it is all there is."""
        found = [
            *self._naming(),
            *self._standing(),
            *self._security(),
            *self._parameters(),
            *self._request_body(),
            *self._responses(),
        ]
        yield from found
        if not found and _wording(self.old, self.before) != _wording(self.new, self.after):
            yield _DOCUMENTATION

    def _naming(self) -> Iterator[Difference]:
        if self.before.path != self.after.path:
            yield Difference("path", f"is now written {self.after.path}", False)
        if self.old_function != self.new_function:
            message = f"was renamed: {self.old_function} is now generated as {self.new_function}"
            yield Difference("operation id", message, breaking=True)
        old_folder, new_folder = naming.folder(self.before), naming.folder(self.after)
        if old_folder != new_folder:
            message = f"changed: its module moves from api/{old_folder}/ to api/{new_folder}/"
            yield Difference("first tag", message, breaking=True)

    def _standing(self) -> Iterator[Difference]:
        before, after = self.before.body, self.after.body
        if bool(before.get("deprecated")) != bool(after.get("deprecated")):
            message = "is now deprecated" if after.get("deprecated") else "is no longer deprecated"
            yield Difference("operation", message, breaking=False)
        if before.get("servers") != after.get("servers"):
            yield Difference("operation", "is now served elsewhere", breaking=True)
        if before.get("callbacks") != after.get("callbacks"):
            yield Difference("callbacks", "changed; the SDK takes none", breaking=False)

    def _security(self) -> Iterator[Difference]:
        before = _requirements(self.old, self.before)
        after = _requirements(self.new, self.after)
        if before.keys() != after.keys():
            names = " or ".join(before.values()), " or ".join(after.values())
            message = (
                f"changed from {names[0]} to {names[1]}"
                if names[0] != names[1]
                else f"changed what {names[0]} means"
            )
            yield Difference("security", message, breaking=True)

    def _parameters(self) -> Iterator[Difference]:
        before = _parameters(self.old, self.before)
        after = _parameters(self.new, self.after)
        for key in {**before, **after}:
            left, right = before.get(key), after.get(key)
            if key[0] == "cookie":
                yield from _cookie(f"parameter '{key[1]}' (cookie)", left, right)
            else:
                yield from self._parameter(f"parameter '{key[1]}' ({key[0]})", left, right)

    def _parameter(
        self, place: str, before: dict[str, Json] | None, after: dict[str, Json] | None
    ) -> Iterator[Difference]:
        if before is None or after is None:
            yield from _presence(place, before, after)
            return
        if bool(before.get("required")) != bool(after.get("required")):
            yield _obligation(place, required=bool(after.get("required")))
        if not before.get("deprecated") and after.get("deprecated"):
            yield Difference(place, "is now deprecated", breaking=False)
        if _style(before) != _style(after):
            yield Difference(place, "is written in another style", breaking=True)
        comparison = Comparison(self.old, self.new, Direction.REQUEST)
        at = Place(place, f"{place} field")
        yield from comparison.compare(before.get("schema"), after.get("schema"), at)
        yield from _contents(comparison, before, after, at)

    def _request_body(self) -> Iterator[Difference]:
        before = _present(resolve(self.old, self.before.body.get("requestBody")))
        after = _present(resolve(self.new, self.after.body.get("requestBody")))
        if before is None or after is None:
            yield from _presence("request body", before, after)
            return
        if bool(before.get("required")) != bool(after.get("required")):
            yield _obligation("request body", required=bool(after.get("required")))
        comparison = Comparison(self.old, self.new, Direction.REQUEST)
        yield from _contents(comparison, before, after, Place("request body", "request field"))

    def _responses(self) -> Iterator[Difference]:
        before = table(self.before.body.get("responses"))
        after = table(self.after.body.get("responses"))
        for status in {**before, **after}:
            place = f"response {status}"
            # A caller has to know what success looks like; of failures there may be more than told.
            success = status.startswith("2")
            if status not in after:
                yield Difference(place, "was removed", success, Kind.REMOVED)
            elif status not in before:
                yield Difference(place, "was added", success, Kind.ADDED)
            else:
                left = table(resolve(self.old, before[status]))
                right = table(resolve(self.new, after[status]))
                comparison = Comparison(self.old, self.new, Direction.RESPONSE)
                yield from _contents(comparison, left, right, Place(place, f"{place} field"))
                yield from _headers(comparison, left, right, place)


def _wording(document: Document, operation: Operation) -> str:
    """All that the document says about an operation, whether a caller would notice or not."""
    said: list[Json] = [operation.body, operation.shared_parameters]
    return canonical([*said, behind(document, said)])


def _requirements(document: Document, operation: Operation) -> dict[str, str]:
    """The ways to be let in, by what they come down to; each as a person would call it."""
    schemes = table(table(document.get("components")).get("securitySchemes"))
    asked = array(operation.body.get("security", document.get("security")))
    ways = dict[str, str]()
    for entry in asked or [{}]:
        defined = {
            canonical([_undescribed(resolve(document, schemes.get(name))), scopes])
            for name, scopes in table(entry).items()
        }
        names = [
            f"{name} for {', '.join(map(str, array(scopes)))}" if scopes else name
            for name, scopes in table(entry).items()
        ]
        ways[canonical([*sorted(defined)])] = " and ".join(names) or "nothing"
    return ways


def _undescribed(scheme: Json) -> Json:
    return {key: value for key, value in table(scheme).items() if key != "description"}


def _parameters(document: Document, operation: Operation) -> dict[_Key, dict[str, Json]]:
    """The parameters of an operation, by where they are and what they are called."""
    found = dict[_Key, dict[str, Json]]()
    for written in [*operation.shared_parameters, *array(operation.body.get("parameters"))]:
        parameter = table(resolve(document, written))
        found[str(parameter.get("in")), str(parameter.get("name"))] = parameter
    return found


def _cookie(
    place: str, before: dict[str, Json] | None, after: dict[str, Json] | None
) -> Iterator[Difference]:
    if before != after:
        kind = Kind.ADDED if before is None else Kind.REMOVED if after is None else Kind.ALTERED
        verb = "changed" if kind is Kind.ALTERED else f"was {kind.value}"
        yield Difference(place, f"{verb}; {_NO_COOKIES}", False, kind)


def _presence(
    place: str, before: dict[str, Json] | None, after: dict[str, Json] | None
) -> Iterator[Difference]:
    """That something a caller sends has gone, or has come."""
    if before is not None:
        yield Difference(place, "was removed", True, Kind.REMOVED)
    elif after is not None:
        required = bool(after.get("required"))
        message = "was added, and is required" if required else "was added"
        yield Difference(place, message, required, Kind.ADDED)


def _obligation(place: str, *, required: bool) -> Difference:
    return Difference(place, "became required" if required else "became optional", required)


def _style(parameter: Mapping[str, Json]) -> tuple[Json, ...]:
    """How a parameter is written down, with the defaults filled in."""
    usual = "simple" if parameter.get("in") in ("path", "header") else "form"
    style = parameter.get("style", usual)
    return style, parameter.get("explode", style == "form"), parameter.get("allowReserved", False)


def _present(value: Json) -> dict[str, Json] | None:
    return value if isinstance(value, dict) else None


def _contents(
    comparison: Comparison, before: Mapping[str, Json], after: Mapping[str, Json], place: Place
) -> Iterator[Difference]:
    """How the media types and schemas of a body differ."""
    old, new = table(before.get("content")), table(after.get("content"))
    for media in {**old, **new}:
        suffix = "" if media == _JSON else f" ({media})"
        there = Place(place.root + suffix, place.noun + suffix)
        # Where there is no content at all, the body is not described: that is an untyped one.
        if (media in old or not old) and (media in new or not new):
            left, right = table(old.get(media)), table(new.get(media))
            yield from comparison.compare(left.get("schema"), right.get("schema"), there)
            if left.get("encoding") != right.get("encoding"):
                yield Difference(str(there), "is encoded in another way", breaking=True)
        elif media in old:
            yield Difference(place.root, f"is no longer {media}", True, Kind.REMOVED)
        else:
            yield Difference(place.root, f"may now be {media}", False, Kind.ADDED)


def _headers(
    comparison: Comparison, before: Mapping[str, Json], after: Mapping[str, Json], response: str
) -> Iterator[Difference]:
    old, new = table(before.get("headers")), table(after.get("headers"))
    for name in {**old, **new}:
        place = f"{response} header '{name}'"
        if name not in new:
            yield Difference(place, "was removed", True, Kind.REMOVED)
        elif name not in old:
            yield Difference(place, "was added", False, Kind.ADDED)
        else:
            left = table(resolve(comparison.old, old[name])).get("schema")
            right = table(resolve(comparison.new, new[name])).get("schema")
            yield from comparison.compare(left, right, Place(place, place))
