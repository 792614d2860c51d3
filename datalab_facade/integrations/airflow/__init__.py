"""Datalab in Apache Airflow: a connection, an operator, a sensor, and a trigger that waits.

Needs the extra ``datalab-facade[airflow]`` and Airflow 3.3 or newer, whose tasks can keep
the id of an execution across retries and clears. In a DAG file::

    from datalab_facade.integrations.airflow.operators import DatalabExecuteWorkflowOperator
    from datalab_facade.integrations.airflow.sensors import DatalabExecutionSensor

This module imports nothing, because every process of Airflow imports it for
:mod:`~datalab_facade.integrations.airflow.provider`.
"""
