from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.pipeline_response_steps_item import PipelineResponseStepsItem


T = TypeVar("T", bound="PipelineResponse")


@_attrs_define
class PipelineResponse:
    """
    Attributes:
        pipeline_id (str): pl_...
        steps (list[PipelineResponseStepsItem]):
        id (int | None | Unset):
        name (None | str | Unset):
        is_saved (bool | Unset):
        archived (bool | Unset):
        active_version (int | Unset):
        created (datetime.datetime | None | Unset):
        updated (datetime.datetime | None | Unset):
    """

    pipeline_id: str
    steps: list[PipelineResponseStepsItem]
    id: int | None | Unset = UNSET
    name: None | str | Unset = UNSET
    is_saved: bool | Unset = UNSET
    archived: bool | Unset = UNSET
    active_version: int | Unset = UNSET
    created: datetime.datetime | None | Unset = UNSET
    updated: datetime.datetime | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        pipeline_id = self.pipeline_id

        steps = []
        for steps_item_data in self.steps:
            steps_item = steps_item_data.to_dict()
            steps.append(steps_item)

        id: int | None | Unset
        if isinstance(self.id, Unset):
            id = UNSET
        else:
            id = self.id

        name: None | str | Unset
        if isinstance(self.name, Unset):
            name = UNSET
        else:
            name = self.name

        is_saved = self.is_saved

        archived = self.archived

        active_version = self.active_version

        created: None | str | Unset
        if isinstance(self.created, Unset):
            created = UNSET
        elif isinstance(self.created, datetime.datetime):
            created = self.created.isoformat()
        else:
            created = self.created

        updated: None | str | Unset
        if isinstance(self.updated, Unset):
            updated = UNSET
        elif isinstance(self.updated, datetime.datetime):
            updated = self.updated.isoformat()
        else:
            updated = self.updated

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "pipeline_id": pipeline_id,
                "steps": steps,
            }
        )
        if id is not UNSET:
            field_dict["id"] = id
        if name is not UNSET:
            field_dict["name"] = name
        if is_saved is not UNSET:
            field_dict["is_saved"] = is_saved
        if archived is not UNSET:
            field_dict["archived"] = archived
        if active_version is not UNSET:
            field_dict["active_version"] = active_version
        if created is not UNSET:
            field_dict["created"] = created
        if updated is not UNSET:
            field_dict["updated"] = updated

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.pipeline_response_steps_item import PipelineResponseStepsItem

        d = dict(src_dict)
        pipeline_id = d.pop("pipeline_id")

        steps = []
        _steps = d.pop("steps")
        for steps_item_data in _steps:
            steps_item = PipelineResponseStepsItem.from_dict(steps_item_data)

            steps.append(steps_item)

        def _parse_id(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        id = _parse_id(d.pop("id", UNSET))

        def _parse_name(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        name = _parse_name(d.pop("name", UNSET))

        is_saved = d.pop("is_saved", UNSET)

        archived = d.pop("archived", UNSET)

        active_version = d.pop("active_version", UNSET)

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

        def _parse_updated(data: object) -> datetime.datetime | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                updated_type_0 = datetime.datetime.fromisoformat(data)

                return updated_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | Unset, data)

        updated = _parse_updated(d.pop("updated", UNSET))

        pipeline_response = cls(
            pipeline_id=pipeline_id,
            steps=steps,
            id=id,
            name=name,
            is_saved=is_saved,
            archived=archived,
            active_version=active_version,
            created=created,
            updated=updated,
        )

        pipeline_response.additional_properties = d
        return pipeline_response

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
