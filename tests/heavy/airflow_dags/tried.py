"""What goes wrong, one DAG for each, to be tried with `airflow dags test`."""

from __future__ import annotations

from airflow.sdk import DAG

from datalab_facade.integrations.airflow.operators import DatalabExecuteWorkflowOperator

with DAG("tried_fails", schedule=None):
    DatalabExecuteWorkflowOperator(
        task_id="fails",
        workflow_id="{{ dag_run.conf['tried_fails'] }}",
        input_config="https://a.example/1.pdf",
    )

with DAG("tried_takes_too_long", schedule=None):
    DatalabExecuteWorkflowOperator(
        task_id="takes_too_long",
        workflow_id="{{ dag_run.conf['tried_takes_too_long'] }}",
        input_config="https://a.example/1.pdf",
        timeout=5,
    )
