"""Pipelines and their executions, extraction schemas, and batch runs.

Nothing is exported from here: what is public is in :mod:`datalab_facade`.
"""
