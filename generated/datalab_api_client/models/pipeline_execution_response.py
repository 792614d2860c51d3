from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.pipeline_execution_response_config_snapshot_type_0 import PipelineExecutionResponseConfigSnapshotType0
    from ..models.pipeline_execution_response_input_config_type_0 import PipelineExecutionResponseInputConfigType0
    from ..models.pipeline_execution_response_rate_breakdown_type_0 import PipelineExecutionResponseRateBreakdownType0
    from ..models.pipeline_execution_step_response import PipelineExecutionStepResponse


T = TypeVar("T", bound="PipelineExecutionResponse")


@_attrs_define
class PipelineExecutionResponse:
    """
    Attributes:
        execution_id (str):
        pipeline_id (str):
        pipeline_version (int):
        status (str): pending, running, completed, completed_with_errors, failed (GUIDE run-pipeline)
        steps (list[PipelineExecutionStepResponse]):
        started_at (datetime.datetime | None | Unset):
        completed_at (datetime.datetime | None | Unset):
        created (datetime.datetime | None | Unset):
        config_snapshot (None | PipelineExecutionResponseConfigSnapshotType0 | Unset):
        input_config (None | PipelineExecutionResponseInputConfigType0 | Unset): live (third party, SDK 0.4/0.5 user):
            {filename, page_range, output_format}
        rate_breakdown (None | PipelineExecutionResponseRateBreakdownType0 | Unset): live: per-step rate_per_1000_cents
            and total_rate_per_1000_cents
    """

    execution_id: str
    pipeline_id: str
    pipeline_version: int
    status: str
    steps: list[PipelineExecutionStepResponse]
    started_at: datetime.datetime | None | Unset = UNSET
    completed_at: datetime.datetime | None | Unset = UNSET
    created: datetime.datetime | None | Unset = UNSET
    config_snapshot: None | PipelineExecutionResponseConfigSnapshotType0 | Unset = UNSET
    input_config: None | PipelineExecutionResponseInputConfigType0 | Unset = UNSET
    rate_breakdown: None | PipelineExecutionResponseRateBreakdownType0 | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.pipeline_execution_response_config_snapshot_type_0 import (
            PipelineExecutionResponseConfigSnapshotType0,
        )
        from ..models.pipeline_execution_response_input_config_type_0 import PipelineExecutionResponseInputConfigType0
        from ..models.pipeline_execution_response_rate_breakdown_type_0 import (
            PipelineExecutionResponseRateBreakdownType0,
        )

        execution_id = self.execution_id

        pipeline_id = self.pipeline_id

        pipeline_version = self.pipeline_version

        status = self.status

        steps = []
        for steps_item_data in self.steps:
            steps_item = steps_item_data.to_dict()
            steps.append(steps_item)

        started_at: None | str | Unset
        if isinstance(self.started_at, Unset):
            started_at = UNSET
        elif isinstance(self.started_at, datetime.datetime):
            started_at = self.started_at.isoformat()
        else:
            started_at = self.started_at

        completed_at: None | str | Unset
        if isinstance(self.completed_at, Unset):
            completed_at = UNSET
        elif isinstance(self.completed_at, datetime.datetime):
            completed_at = self.completed_at.isoformat()
        else:
            completed_at = self.completed_at

        created: None | str | Unset
        if isinstance(self.created, Unset):
            created = UNSET
        elif isinstance(self.created, datetime.datetime):
            created = self.created.isoformat()
        else:
            created = self.created

        config_snapshot: dict[str, Any] | None | Unset
        if isinstance(self.config_snapshot, Unset):
            config_snapshot = UNSET
        elif isinstance(self.config_snapshot, PipelineExecutionResponseConfigSnapshotType0):
            config_snapshot = self.config_snapshot.to_dict()
        else:
            config_snapshot = self.config_snapshot

        input_config: dict[str, Any] | None | Unset
        if isinstance(self.input_config, Unset):
            input_config = UNSET
        elif isinstance(self.input_config, PipelineExecutionResponseInputConfigType0):
            input_config = self.input_config.to_dict()
        else:
            input_config = self.input_config

        rate_breakdown: dict[str, Any] | None | Unset
        if isinstance(self.rate_breakdown, Unset):
            rate_breakdown = UNSET
        elif isinstance(self.rate_breakdown, PipelineExecutionResponseRateBreakdownType0):
            rate_breakdown = self.rate_breakdown.to_dict()
        else:
            rate_breakdown = self.rate_breakdown

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "execution_id": execution_id,
                "pipeline_id": pipeline_id,
                "pipeline_version": pipeline_version,
                "status": status,
                "steps": steps,
            }
        )
        if started_at is not UNSET:
            field_dict["started_at"] = started_at
        if completed_at is not UNSET:
            field_dict["completed_at"] = completed_at
        if created is not UNSET:
            field_dict["created"] = created
        if config_snapshot is not UNSET:
            field_dict["config_snapshot"] = config_snapshot
        if input_config is not UNSET:
            field_dict["input_config"] = input_config
        if rate_breakdown is not UNSET:
            field_dict["rate_breakdown"] = rate_breakdown

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.pipeline_execution_response_config_snapshot_type_0 import (
            PipelineExecutionResponseConfigSnapshotType0,
        )
        from ..models.pipeline_execution_response_input_config_type_0 import PipelineExecutionResponseInputConfigType0
        from ..models.pipeline_execution_response_rate_breakdown_type_0 import (
            PipelineExecutionResponseRateBreakdownType0,
        )
        from ..models.pipeline_execution_step_response import PipelineExecutionStepResponse

        d = dict(src_dict)
        execution_id = d.pop("execution_id")

        pipeline_id = d.pop("pipeline_id")

        pipeline_version = d.pop("pipeline_version")

        status = d.pop("status")

        steps = []
        _steps = d.pop("steps")
        for steps_item_data in _steps:
            steps_item = PipelineExecutionStepResponse.from_dict(steps_item_data)

            steps.append(steps_item)

        def _parse_started_at(data: object) -> datetime.datetime | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                started_at_type_0 = datetime.datetime.fromisoformat(data)

                return started_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | Unset, data)

        started_at = _parse_started_at(d.pop("started_at", UNSET))

        def _parse_completed_at(data: object) -> datetime.datetime | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                completed_at_type_0 = datetime.datetime.fromisoformat(data)

                return completed_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | Unset, data)

        completed_at = _parse_completed_at(d.pop("completed_at", UNSET))

        def _parse_created(data: object) -> datetime.datetime | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                created_type_0 = datetime.datetime.fromisoformat(data)

                return created_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | Unset, data)

        created = _parse_created(d.pop("created", UNSET))

        def _parse_config_snapshot(data: object) -> None | PipelineExecutionResponseConfigSnapshotType0 | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                config_snapshot_type_0 = PipelineExecutionResponseConfigSnapshotType0.from_dict(data)

                return config_snapshot_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | PipelineExecutionResponseConfigSnapshotType0 | Unset, data)

        config_snapshot = _parse_config_snapshot(d.pop("config_snapshot", UNSET))

        def _parse_input_config(data: object) -> None | PipelineExecutionResponseInputConfigType0 | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                input_config_type_0 = PipelineExecutionResponseInputConfigType0.from_dict(data)

                return input_config_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | PipelineExecutionResponseInputConfigType0 | Unset, data)

        input_config = _parse_input_config(d.pop("input_config", UNSET))

        def _parse_rate_breakdown(data: object) -> None | PipelineExecutionResponseRateBreakdownType0 | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                rate_breakdown_type_0 = PipelineExecutionResponseRateBreakdownType0.from_dict(data)

                return rate_breakdown_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | PipelineExecutionResponseRateBreakdownType0 | Unset, data)

        rate_breakdown = _parse_rate_breakdown(d.pop("rate_breakdown", UNSET))

        pipeline_execution_response = cls(
            execution_id=execution_id,
            pipeline_id=pipeline_id,
            pipeline_version=pipeline_version,
            status=status,
            steps=steps,
            started_at=started_at,
            completed_at=completed_at,
            created=created,
            config_snapshot=config_snapshot,
            input_config=input_config,
            rate_breakdown=rate_breakdown,
        )

        pipeline_execution_response.additional_properties = d
        return pipeline_execution_response

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
