"""What the generator will call the module of an operation: asked of the generator itself."""

from openapi_python_client.config import ConfigFile
from openapi_python_client.parser.openapi import generate_operation_id
from openapi_python_client.schema.untrusted_string import UntrustedString
from openapi_python_client.strings import PythonIdentifier

from specs.documents import Operation

_PREFIX = ConfigFile().field_prefix


def function(operation: Operation, operation_id: str | None = None) -> str:
    """The name of the operation's module, which is how the facade imports what it calls.

    With an `operation_id`, the name that the operation would have under that id.
    """
    chosen = operation_id or operation.id
    if chosen is None:
        path = UntrustedString(operation.path)
        return generate_operation_id(path=path, method=operation.method, prefix=_PREFIX)
    return PythonIdentifier(chosen, _PREFIX)


def folder(operation: Operation) -> str:
    """The name of the folder that the generator files the operation's module in: its first tag."""
    return PythonIdentifier(operation.tag or "default", "tag")
