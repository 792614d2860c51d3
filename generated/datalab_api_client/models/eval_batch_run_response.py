from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="EvalBatchRunResponse")


@_attrs_define
class EvalBatchRunResponse:
    """
    Attributes:
        id (int):
        collection_id (int):
        eval_rubric_id (int | None):
        pipeline_id (None | str):
        pipeline_type (str):
        status (str):
        started_at (datetime.datetime | None):
        completed_at (datetime.datetime | None):
        total_files (int):
        completed_files (int | Unset):
        avg_score (float | None | Unset):
        created (datetime.datetime | Unset):
    """

    id: int
    collection_id: int
    eval_rubric_id: int | None
    pipeline_id: None | str
    pipeline_type: str
    status: str
    started_at: datetime.datetime | None
    completed_at: datetime.datetime | None
    total_files: int
    completed_files: int | Unset = UNSET
    avg_score: float | None | Unset = UNSET
    created: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        collection_id = self.collection_id

        eval_rubric_id: int | None
        eval_rubric_id = self.eval_rubric_id

        pipeline_id: None | str
        pipeline_id = self.pipeline_id

        pipeline_type = self.pipeline_type

        status = self.status

        started_at: None | str
        if isinstance(self.started_at, datetime.datetime):
            started_at = self.started_at.isoformat()
        else:
            started_at = self.started_at

        completed_at: None | str
        if isinstance(self.completed_at, datetime.datetime):
            completed_at = self.completed_at.isoformat()
        else:
            completed_at = self.completed_at

        total_files = self.total_files

        completed_files = self.completed_files

        avg_score: float | None | Unset
        if isinstance(self.avg_score, Unset):
            avg_score = UNSET
        else:
            avg_score = self.avg_score

        created: str | Unset = UNSET
        if not isinstance(self.created, Unset):
            created = self.created.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "collection_id": collection_id,
                "eval_rubric_id": eval_rubric_id,
                "pipeline_id": pipeline_id,
                "pipeline_type": pipeline_type,
                "status": status,
                "started_at": started_at,
                "completed_at": completed_at,
                "total_files": total_files,
            }
        )
        if completed_files is not UNSET:
            field_dict["completed_files"] = completed_files
        if avg_score is not UNSET:
            field_dict["avg_score"] = avg_score
        if created is not UNSET:
            field_dict["created"] = created

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        id = d.pop("id")

        collection_id = d.pop("collection_id")

        def _parse_eval_rubric_id(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        eval_rubric_id = _parse_eval_rubric_id(d.pop("eval_rubric_id"))

        def _parse_pipeline_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        pipeline_id = _parse_pipeline_id(d.pop("pipeline_id"))

        pipeline_type = d.pop("pipeline_type")

        status = d.pop("status")

        def _parse_started_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                started_at_type_0 = datetime.datetime.fromisoformat(data)

                return started_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        started_at = _parse_started_at(d.pop("started_at"))

        def _parse_completed_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                completed_at_type_0 = datetime.datetime.fromisoformat(data)

                return completed_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        completed_at = _parse_completed_at(d.pop("completed_at"))

        total_files = d.pop("total_files")

        completed_files = d.pop("completed_files", UNSET)

        def _parse_avg_score(data: object) -> float | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(float | None | Unset, data)

        avg_score = _parse_avg_score(d.pop("avg_score", UNSET))

        _created = d.pop("created", UNSET)
        created: datetime.datetime | Unset
        if isinstance(_created, Unset):
            created = UNSET
        else:
            created = datetime.datetime.fromisoformat(_created)

        eval_batch_run_response = cls(
            id=id,
            collection_id=collection_id,
            eval_rubric_id=eval_rubric_id,
            pipeline_id=pipeline_id,
            pipeline_type=pipeline_type,
            status=status,
            started_at=started_at,
            completed_at=completed_at,
            total_files=total_files,
            completed_files=completed_files,
            avg_score=avg_score,
            created=created,
        )

        eval_batch_run_response.additional_properties = d
        return eval_batch_run_response

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
