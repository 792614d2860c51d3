"""Wait for executions, and offer metrics of it to Prometheus at http://localhost:9464/metrics.

pip install prometheus-client
python examples/prometheus_metrics.py 123 124
"""

from __future__ import annotations

import sys

from prometheus_client import Counter, Histogram, start_http_server

from datalab_facade import Datalab
from datalab_facade.events import Event, JobEnded, RateLimitWaited, RequestFinished, RetryScheduled

REQUESTS = Histogram("datalab_request_seconds", "Requests.", ["operation", "outcome"])
RETRIES = Counter("datalab_retries", "Failures that were retried.", ["reason"])
QUEUED = Histogram("datalab_rate_limit_seconds", "Waiting for the rate limit.")
JOBS = Counter("datalab_jobs_ended", "Jobs that ended.", ["kind", "status"])


def measure(event: Event) -> None:
    match event:
        case RequestFinished():
            outcome = str(event.status or event.error)
            REQUESTS.labels(event.operation or "storage", outcome).observe(event.seconds)
        case RetryScheduled():
            RETRIES.labels(event.reason).inc()
        case RateLimitWaited():
            QUEUED.observe(event.seconds)
        case JobEnded():
            JOBS.labels(event.job_kind, event.status).inc()


if __name__ == "__main__":
    start_http_server(9464)
    with Datalab(listeners=[measure]) as client:
        client.executions.wait_many(map(int, sys.argv[1:]))
