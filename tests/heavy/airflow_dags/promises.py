"""What is promised of a task, one task for each promise; ids come with the DAG run."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from datalab_facade.documents.tasks import Segment
from datalab_facade.integrations.airflow.operators import (
    DatalabConvertOperator,
    DatalabExecuteWorkflowOperator,
    DatalabExtractOperator,
    DatalabRunPipelineOperator,
    DatalabTaskOperator,
)
from datalab_facade.integrations.airflow.sensors import DatalabJobSensor

URL = "https://a.example/1.pdf"

with DAG("promises", schedule=None, default_args={"retry_delay": timedelta(seconds=1)}):
    completes = DatalabExecuteWorkflowOperator(
        task_id="completes",
        workflow_id="{{ dag_run.conf['completes'] }}",
        input_config=[URL],
        save_to="{{ dag_run.conf['folder'] }}",
    )
    DatalabJobSensor(task_id="senses", job=completes.output)
    DatalabExecuteWorkflowOperator(
        task_id="fails", workflow_id="{{ dag_run.conf['fails'] }}", input_config=URL, retries=2
    )
    DatalabExecuteWorkflowOperator(
        task_id="takes_too_long",
        workflow_id="{{ dag_run.conf['takes_too_long'] }}",
        input_config=URL,
        timeout=5,
        retries=1,
    )
    DatalabExecuteWorkflowOperator(
        task_id="takes_long", workflow_id="{{ dag_run.conf['takes_long'] }}", input_config=URL
    )
    DatalabExecuteWorkflowOperator(
        task_id="is_cleared", workflow_id="{{ dag_run.conf['is_cleared'] }}", input_config=URL
    )
    DatalabExecuteWorkflowOperator.partial(
        task_id="each_of_three", workflow_id="{{ dag_run.conf['each_of_three'] }}"
    ).expand(input_config=[f"https://a.example/{number}.pdf" for number in range(3)])
    DatalabExecuteWorkflowOperator(
        task_id="is_refused",
        workflow_id="{{ dag_run.conf['short'] }}",
        input_config=URL,
        datalab_conn_id="wrong_key",
        retries=2,
    )
    DatalabJobSensor(task_id="is_skipped", job="{{ dag_run.conf['failed'] }}", soft_fail=True)
    DatalabJobSensor(task_id="senses_in_vain", job="{{ dag_run.conf['failed'] }}")
    DatalabJobSensor(task_id="senses_too_long", job="{{ dag_run.conf['never_ends'] }}", timeout=5)
    starts = DatalabExecuteWorkflowOperator(
        task_id="only_starts",
        workflow_id="{{ dag_run.conf['short'] }}",
        input_config=None,
        wait=False,
    )
    DatalabJobSensor(
        task_id="pokes",
        job="{{ ti.xcom_pull('only_starts')['job_id'] }}",
        deferrable=False,
        poke_interval=1,
    ).set_upstream(starts)
    DatalabExecuteWorkflowOperator(
        task_id="waits_in_the_worker",
        workflow_id="{{ dag_run.conf['short'] }}",
        input_config=URL,
        deferrable=False,
    )
    converts = DatalabConvertOperator(
        task_id="converts",
        source="{{ dag_run.conf['document'] }}",
        options={"output_format": ["markdown", "html"]},
        save_to="{{ dag_run.conf['folder'] }}",
    )
    DatalabJobSensor(task_id="senses_document", job=converts.output)
    DatalabExtractOperator(
        task_id="extracts",
        source=URL,
        schema={"type": "object", "properties": {"total": {"type": "number"}}},
        save_to="{{ dag_run.conf['folder'] }}",
    )
    DatalabTaskOperator(task_id="segments", task=Segment(), source=URL, deferrable=False)
    DatalabRunPipelineOperator(
        task_id="runs_pipeline",
        pipeline="Invoices",
        source="{{ dag_run.conf['document'] }}",
        save_to="{{ dag_run.conf['folder'] }}",
    )
    DatalabConvertOperator(
        task_id="has_wrong_option", source=URL, options={"mod": "fast"}, retries=2
    )
    DatalabConvertOperator(
        task_id="has_wrong_connection", source=URL, datalab_conn_id="broken_extra", retries=2
    )
    DatalabExecuteWorkflowOperator(
        task_id="is_bounded",
        workflow_id="{{ dag_run.conf['is_bounded'] }}",
        input_config=[URL],
        execution_timeout=timedelta(seconds=6),
    )
