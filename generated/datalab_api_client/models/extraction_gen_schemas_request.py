from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.extraction_gen_schemas_request_model_override_settings_type_0 import (
        ExtractionGenSchemasRequestModelOverrideSettingsType0,
    )


T = TypeVar("T", bound="ExtractionGenSchemasRequest")


@_attrs_define
class ExtractionGenSchemasRequest:
    """
    Attributes:
        checkpoint_id (str):
        webhook_url (None | str | Unset):
        processing_location (None | str | Unset):
        model_override_settings (ExtractionGenSchemasRequestModelOverrideSettingsType0 | None | Unset):
    """

    checkpoint_id: str
    webhook_url: None | str | Unset = UNSET
    processing_location: None | str | Unset = UNSET
    model_override_settings: ExtractionGenSchemasRequestModelOverrideSettingsType0 | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.extraction_gen_schemas_request_model_override_settings_type_0 import (
            ExtractionGenSchemasRequestModelOverrideSettingsType0,
        )

        checkpoint_id = self.checkpoint_id

        webhook_url: None | str | Unset
        if isinstance(self.webhook_url, Unset):
            webhook_url = UNSET
        else:
            webhook_url = self.webhook_url

        processing_location: None | str | Unset
        if isinstance(self.processing_location, Unset):
            processing_location = UNSET
        else:
            processing_location = self.processing_location

        model_override_settings: dict[str, Any] | None | Unset
        if isinstance(self.model_override_settings, Unset):
            model_override_settings = UNSET
        elif isinstance(self.model_override_settings, ExtractionGenSchemasRequestModelOverrideSettingsType0):
            model_override_settings = self.model_override_settings.to_dict()
        else:
            model_override_settings = self.model_override_settings

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "checkpoint_id": checkpoint_id,
            }
        )
        if webhook_url is not UNSET:
            field_dict["webhook_url"] = webhook_url
        if processing_location is not UNSET:
            field_dict["processing_location"] = processing_location
        if model_override_settings is not UNSET:
            field_dict["model_override_settings"] = model_override_settings

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.extraction_gen_schemas_request_model_override_settings_type_0 import (
            ExtractionGenSchemasRequestModelOverrideSettingsType0,
        )

        d = dict(src_dict)
        checkpoint_id = d.pop("checkpoint_id")

        def _parse_webhook_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        webhook_url = _parse_webhook_url(d.pop("webhook_url", UNSET))

        def _parse_processing_location(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        processing_location = _parse_processing_location(d.pop("processing_location", UNSET))

        def _parse_model_override_settings(
            data: object,
        ) -> ExtractionGenSchemasRequestModelOverrideSettingsType0 | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                model_override_settings_type_0 = ExtractionGenSchemasRequestModelOverrideSettingsType0.from_dict(data)

                return model_override_settings_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ExtractionGenSchemasRequestModelOverrideSettingsType0 | None | Unset, data)

        model_override_settings = _parse_model_override_settings(d.pop("model_override_settings", UNSET))

        extraction_gen_schemas_request = cls(
            checkpoint_id=checkpoint_id,
            webhook_url=webhook_url,
            processing_location=processing_location,
            model_override_settings=model_override_settings,
        )

        extraction_gen_schemas_request.additional_properties = d
        return extraction_gen_schemas_request

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
