"""Datalab in Apache Airflow: a connection, operators, a sensor, and a trigger that waits.

Needs the extra ``datalab-facade[airflow]`` and Airflow 3.3 or newer, whose tasks can keep
the id of a job across retries and clears. In a DAG file::

    from datalab_facade.integrations.airflow.operators import DatalabConvertOperator
    from datalab_facade.integrations.airflow.sensors import DatalabJobSensor

This module imports nothing, because every process of Airflow imports it for
:mod:`~datalab_facade.integrations.airflow.provider`.
"""
