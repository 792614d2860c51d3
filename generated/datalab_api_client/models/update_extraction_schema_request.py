from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.update_extraction_schema_request_schema_json_type_0 import (
        UpdateExtractionSchemaRequestSchemaJsonType0,
    )


T = TypeVar("T", bound="UpdateExtractionSchemaRequest")


@_attrs_define
class UpdateExtractionSchemaRequest:
    """
    Attributes:
        name (None | str | Unset):
        description (None | str | Unset):
        schema_json (None | Unset | UpdateExtractionSchemaRequestSchemaJsonType0):
        archived (bool | None | Unset):
        create_new_version (bool | Unset):  Default: False.
    """

    name: None | str | Unset = UNSET
    description: None | str | Unset = UNSET
    schema_json: None | Unset | UpdateExtractionSchemaRequestSchemaJsonType0 = UNSET
    archived: bool | None | Unset = UNSET
    create_new_version: bool | Unset = False
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.update_extraction_schema_request_schema_json_type_0 import (
            UpdateExtractionSchemaRequestSchemaJsonType0,
        )

        name: None | str | Unset
        if isinstance(self.name, Unset):
            name = UNSET
        else:
            name = self.name

        description: None | str | Unset
        if isinstance(self.description, Unset):
            description = UNSET
        else:
            description = self.description

        schema_json: dict[str, Any] | None | Unset
        if isinstance(self.schema_json, Unset):
            schema_json = UNSET
        elif isinstance(self.schema_json, UpdateExtractionSchemaRequestSchemaJsonType0):
            schema_json = self.schema_json.to_dict()
        else:
            schema_json = self.schema_json

        archived: bool | None | Unset
        if isinstance(self.archived, Unset):
            archived = UNSET
        else:
            archived = self.archived

        create_new_version = self.create_new_version

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if name is not UNSET:
            field_dict["name"] = name
        if description is not UNSET:
            field_dict["description"] = description
        if schema_json is not UNSET:
            field_dict["schema_json"] = schema_json
        if archived is not UNSET:
            field_dict["archived"] = archived
        if create_new_version is not UNSET:
            field_dict["create_new_version"] = create_new_version

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.update_extraction_schema_request_schema_json_type_0 import (
            UpdateExtractionSchemaRequestSchemaJsonType0,
        )

        d = dict(src_dict)

        def _parse_name(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        name = _parse_name(d.pop("name", UNSET))

        def _parse_description(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        description = _parse_description(d.pop("description", UNSET))

        def _parse_schema_json(data: object) -> None | Unset | UpdateExtractionSchemaRequestSchemaJsonType0:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                schema_json_type_0 = UpdateExtractionSchemaRequestSchemaJsonType0.from_dict(data)

                return schema_json_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Unset | UpdateExtractionSchemaRequestSchemaJsonType0, data)

        schema_json = _parse_schema_json(d.pop("schema_json", UNSET))

        def _parse_archived(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        archived = _parse_archived(d.pop("archived", UNSET))

        create_new_version = d.pop("create_new_version", UNSET)

        update_extraction_schema_request = cls(
            name=name,
            description=description,
            schema_json=schema_json,
            archived=archived,
            create_new_version=create_new_version,
        )

        update_extraction_schema_request.additional_properties = d
        return update_extraction_schema_request

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
