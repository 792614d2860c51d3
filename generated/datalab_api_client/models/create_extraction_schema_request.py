from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.create_extraction_schema_request_schema_json import CreateExtractionSchemaRequestSchemaJson


T = TypeVar("T", bound="CreateExtractionSchemaRequest")


@_attrs_define
class CreateExtractionSchemaRequest:
    """
    Attributes:
        name (str):
        schema_json (CreateExtractionSchemaRequestSchemaJson): must contain 'properties'
        description (None | str | Unset):
    """

    name: str
    schema_json: CreateExtractionSchemaRequestSchemaJson
    description: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        schema_json = self.schema_json.to_dict()

        description: None | str | Unset
        if isinstance(self.description, Unset):
            description = UNSET
        else:
            description = self.description

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "name": name,
                "schema_json": schema_json,
            }
        )
        if description is not UNSET:
            field_dict["description"] = description

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.create_extraction_schema_request_schema_json import CreateExtractionSchemaRequestSchemaJson

        d = dict(src_dict)
        name = d.pop("name")

        schema_json = CreateExtractionSchemaRequestSchemaJson.from_dict(d.pop("schema_json"))

        def _parse_description(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        description = _parse_description(d.pop("description", UNSET))

        create_extraction_schema_request = cls(
            name=name,
            schema_json=schema_json,
            description=description,
        )

        create_extraction_schema_request.additional_properties = d
        return create_extraction_schema_request

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
