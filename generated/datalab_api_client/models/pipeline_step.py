from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.pipeline_step_settings import PipelineStepSettings


T = TypeVar("T", bound="PipelineStep")


@_attrs_define
class PipelineStep:
    """
    Attributes:
        type_ (str): convert, extract, segment, custom, fill
        settings (PipelineStepSettings | Unset): extract: page_schema; segment: segmentation_schema
        custom_processor_id (None | str | Unset):
        eval_rubric_id (int | None | Unset):
        pending_check_url (None | str | Unset):
        pending_name (None | str | Unset):
    """

    type_: str
    settings: PipelineStepSettings | Unset = UNSET
    custom_processor_id: None | str | Unset = UNSET
    eval_rubric_id: int | None | Unset = UNSET
    pending_check_url: None | str | Unset = UNSET
    pending_name: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        type_ = self.type_

        settings: dict[str, Any] | Unset = UNSET
        if not isinstance(self.settings, Unset):
            settings = self.settings.to_dict()

        custom_processor_id: None | str | Unset
        if isinstance(self.custom_processor_id, Unset):
            custom_processor_id = UNSET
        else:
            custom_processor_id = self.custom_processor_id

        eval_rubric_id: int | None | Unset
        if isinstance(self.eval_rubric_id, Unset):
            eval_rubric_id = UNSET
        else:
            eval_rubric_id = self.eval_rubric_id

        pending_check_url: None | str | Unset
        if isinstance(self.pending_check_url, Unset):
            pending_check_url = UNSET
        else:
            pending_check_url = self.pending_check_url

        pending_name: None | str | Unset
        if isinstance(self.pending_name, Unset):
            pending_name = UNSET
        else:
            pending_name = self.pending_name

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "type": type_,
            }
        )
        if settings is not UNSET:
            field_dict["settings"] = settings
        if custom_processor_id is not UNSET:
            field_dict["custom_processor_id"] = custom_processor_id
        if eval_rubric_id is not UNSET:
            field_dict["eval_rubric_id"] = eval_rubric_id
        if pending_check_url is not UNSET:
            field_dict["pending_check_url"] = pending_check_url
        if pending_name is not UNSET:
            field_dict["pending_name"] = pending_name

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.pipeline_step_settings import PipelineStepSettings

        d = dict(src_dict)
        type_ = d.pop("type")

        _settings = d.pop("settings", UNSET)
        settings: PipelineStepSettings | Unset
        if isinstance(_settings, Unset):
            settings = UNSET
        else:
            settings = PipelineStepSettings.from_dict(_settings)

        def _parse_custom_processor_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        custom_processor_id = _parse_custom_processor_id(d.pop("custom_processor_id", UNSET))

        def _parse_eval_rubric_id(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        eval_rubric_id = _parse_eval_rubric_id(d.pop("eval_rubric_id", UNSET))

        def _parse_pending_check_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        pending_check_url = _parse_pending_check_url(d.pop("pending_check_url", UNSET))

        def _parse_pending_name(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        pending_name = _parse_pending_name(d.pop("pending_name", UNSET))

        pipeline_step = cls(
            type_=type_,
            settings=settings,
            custom_processor_id=custom_processor_id,
            eval_rubric_id=eval_rubric_id,
            pending_check_url=pending_check_url,
            pending_name=pending_name,
        )

        pipeline_step.additional_properties = d
        return pipeline_step

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
