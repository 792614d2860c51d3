"""The provider information about this package, for Airflow."""

from __future__ import annotations

from datalab_facade._version import __version__
from datalab_facade.json_forms import JSON

_PACKAGE = "datalab_facade.integrations.airflow"
_NAME = "Datalab"


def get_provider_info() -> dict[str, JSON]:
    """Return the result of the entry point ``apache_airflow_provider``."""
    return {
        "package-name": "datalab-facade",
        "name": _NAME,
        "description": "Datalab: convert documents, extract data, run pipelines and workflows",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": _NAME,
                "external-doc-url": "https://documentation.datalab.to",
                "tags": ["service"],
            }
        ],
        "hooks": [_modules("hooks")],
        "operators": [_modules("operators")],
        "sensors": [_modules("sensors")],
        "triggers": [_modules("triggers")],
        "connection-types": [
            {
                "connection-type": "datalab",
                "hook-class-name": f"{_PACKAGE}.hooks.DatalabHook",
                "hook-name": _NAME,
                "ui-field-behaviour": {
                    "hidden-fields": ["login", "schema", "port"],
                    "relabeling": {"password": "API key", "host": "Address"},
                    "placeholders": {"host": "https://www.datalab.to"},
                },
                "conn-fields": {
                    "requests_per_minute": {
                        "label": "Requests per minute",
                        "description": (
                            "The rate limit of each process that uses the connection, or of all "
                            "together with a Redis; 200 if empty"
                        ),
                        "schema": {"type": ["number", "null"], "exclusiveMinimum": 0},
                    },
                    "redis_url": {
                        "label": "Redis for a shared rate limit",
                        "description": (
                            "One rate limit for all workers and triggerers, such as "
                            "redis://cache.internal:6379/0; needs the extra redis"
                        ),
                        "schema": {"type": ["string", "null"], "format": "password"},
                    },
                    "rate_limiter_name": {
                        "label": "Name of the rate limiter in Redis",
                        "description": "Use one for each API key; 'default' if empty",
                        "schema": {"type": ["string", "null"]},
                    },
                    "allow_http": {
                        "label": "Allow an address without TLS",
                        "description": "The API key is then sent unencrypted; for tests only",
                        "schema": {"type": ["boolean", "null"], "default": False},
                    },
                },
            }
        ],
    }


def _modules(kind: str) -> dict[str, JSON]:
    return {"integration-name": _NAME, "python-modules": [f"{_PACKAGE}.{kind}"]}
