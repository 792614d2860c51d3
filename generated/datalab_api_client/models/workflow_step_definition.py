from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.workflow_step_definition_settings import WorkflowStepDefinitionSettings


T = TypeVar("T", bound="WorkflowStepDefinition")


@_attrs_define
class WorkflowStepDefinition:
    """
    Attributes:
        step_key (str):
        unique_name (str):
        version (None | str | Unset):
        settings (WorkflowStepDefinitionSettings | Unset):
        depends_on (list[str] | Unset):
    """

    step_key: str
    unique_name: str
    version: None | str | Unset = UNSET
    settings: WorkflowStepDefinitionSettings | Unset = UNSET
    depends_on: list[str] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        step_key = self.step_key

        unique_name = self.unique_name

        version: None | str | Unset
        if isinstance(self.version, Unset):
            version = UNSET
        else:
            version = self.version

        settings: dict[str, Any] | Unset = UNSET
        if not isinstance(self.settings, Unset):
            settings = self.settings.to_dict()

        depends_on: list[str] | Unset = UNSET
        if not isinstance(self.depends_on, Unset):
            depends_on = self.depends_on

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "step_key": step_key,
                "unique_name": unique_name,
            }
        )
        if version is not UNSET:
            field_dict["version"] = version
        if settings is not UNSET:
            field_dict["settings"] = settings
        if depends_on is not UNSET:
            field_dict["depends_on"] = depends_on

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.workflow_step_definition_settings import WorkflowStepDefinitionSettings

        d = dict(src_dict)
        step_key = d.pop("step_key")

        unique_name = d.pop("unique_name")

        def _parse_version(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        version = _parse_version(d.pop("version", UNSET))

        _settings = d.pop("settings", UNSET)
        settings: WorkflowStepDefinitionSettings | Unset
        if isinstance(_settings, Unset):
            settings = UNSET
        else:
            settings = WorkflowStepDefinitionSettings.from_dict(_settings)

        depends_on = cast(list[str], d.pop("depends_on", UNSET))

        workflow_step_definition = cls(
            step_key=step_key,
            unique_name=unique_name,
            version=version,
            settings=settings,
            depends_on=depends_on,
        )

        workflow_step_definition.additional_properties = d
        return workflow_step_definition

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
