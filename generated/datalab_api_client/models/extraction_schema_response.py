from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.extraction_schema_response_schema_json import ExtractionSchemaResponseSchemaJson
    from ..models.extraction_schema_response_version_history_type_0_item import (
        ExtractionSchemaResponseVersionHistoryType0Item,
    )


T = TypeVar("T", bound="ExtractionSchemaResponse")


@_attrs_define
class ExtractionSchemaResponse:
    """
    Attributes:
        schema_id (str): sch_...
        name (str):
        schema_json (ExtractionSchemaResponseSchemaJson):
        id (int | None | Unset):
        description (None | str | Unset):
        version (int | Unset):
        version_history (list[ExtractionSchemaResponseVersionHistoryType0Item] | None | Unset):
        archived (bool | Unset):
        created (datetime.datetime | None | Unset):
        updated (datetime.datetime | None | Unset):
    """

    schema_id: str
    name: str
    schema_json: ExtractionSchemaResponseSchemaJson
    id: int | None | Unset = UNSET
    description: None | str | Unset = UNSET
    version: int | Unset = UNSET
    version_history: list[ExtractionSchemaResponseVersionHistoryType0Item] | None | Unset = UNSET
    archived: bool | Unset = UNSET
    created: datetime.datetime | None | Unset = UNSET
    updated: datetime.datetime | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        schema_id = self.schema_id

        name = self.name

        schema_json = self.schema_json.to_dict()

        id: int | None | Unset
        if isinstance(self.id, Unset):
            id = UNSET
        else:
            id = self.id

        description: None | str | Unset
        if isinstance(self.description, Unset):
            description = UNSET
        else:
            description = self.description

        version = self.version

        version_history: list[dict[str, Any]] | None | Unset
        if isinstance(self.version_history, Unset):
            version_history = UNSET
        elif isinstance(self.version_history, list):
            version_history = []
            for version_history_type_0_item_data in self.version_history:
                version_history_type_0_item = version_history_type_0_item_data.to_dict()
                version_history.append(version_history_type_0_item)

        else:
            version_history = self.version_history

        archived = self.archived

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
                "schema_id": schema_id,
                "name": name,
                "schema_json": schema_json,
            }
        )
        if id is not UNSET:
            field_dict["id"] = id
        if description is not UNSET:
            field_dict["description"] = description
        if version is not UNSET:
            field_dict["version"] = version
        if version_history is not UNSET:
            field_dict["version_history"] = version_history
        if archived is not UNSET:
            field_dict["archived"] = archived
        if created is not UNSET:
            field_dict["created"] = created
        if updated is not UNSET:
            field_dict["updated"] = updated

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.extraction_schema_response_schema_json import ExtractionSchemaResponseSchemaJson
        from ..models.extraction_schema_response_version_history_type_0_item import (
            ExtractionSchemaResponseVersionHistoryType0Item,
        )

        d = dict(src_dict)
        schema_id = d.pop("schema_id")

        name = d.pop("name")

        schema_json = ExtractionSchemaResponseSchemaJson.from_dict(d.pop("schema_json"))

        def _parse_id(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        id = _parse_id(d.pop("id", UNSET))

        def _parse_description(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        description = _parse_description(d.pop("description", UNSET))

        version = d.pop("version", UNSET)

        def _parse_version_history(
            data: object,
        ) -> list[ExtractionSchemaResponseVersionHistoryType0Item] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                version_history_type_0 = []
                _version_history_type_0 = data
                for version_history_type_0_item_data in _version_history_type_0:
                    version_history_type_0_item = ExtractionSchemaResponseVersionHistoryType0Item.from_dict(
                        version_history_type_0_item_data
                    )

                    version_history_type_0.append(version_history_type_0_item)

                return version_history_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[ExtractionSchemaResponseVersionHistoryType0Item] | None | Unset, data)

        version_history = _parse_version_history(d.pop("version_history", UNSET))

        archived = d.pop("archived", UNSET)

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

        extraction_schema_response = cls(
            schema_id=schema_id,
            name=name,
            schema_json=schema_json,
            id=id,
            description=description,
            version=version,
            version_history=version_history,
            archived=archived,
            created=created,
            updated=updated,
        )

        extraction_schema_response.additional_properties = d
        return extraction_schema_response

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
