from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.execute_workflow_request_input_config_type_0 import ExecuteWorkflowRequestInputConfigType0


T = TypeVar("T", bound="ExecuteWorkflowRequest")


@_attrs_define
class ExecuteWorkflowRequest:
    """Request to execute a workflow.

    Attributes:
        input_config (ExecuteWorkflowRequestInputConfigType0 | None | Unset):
    """

    input_config: ExecuteWorkflowRequestInputConfigType0 | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.execute_workflow_request_input_config_type_0 import ExecuteWorkflowRequestInputConfigType0

        input_config: dict[str, Any] | None | Unset
        if isinstance(self.input_config, Unset):
            input_config = UNSET
        elif isinstance(self.input_config, ExecuteWorkflowRequestInputConfigType0):
            input_config = self.input_config.to_dict()
        else:
            input_config = self.input_config

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if input_config is not UNSET:
            field_dict["input_config"] = input_config

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.execute_workflow_request_input_config_type_0 import ExecuteWorkflowRequestInputConfigType0

        d = dict(src_dict)

        def _parse_input_config(data: object) -> ExecuteWorkflowRequestInputConfigType0 | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                input_config_type_0 = ExecuteWorkflowRequestInputConfigType0.from_dict(data)

                return input_config_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ExecuteWorkflowRequestInputConfigType0 | None | Unset, data)

        input_config = _parse_input_config(d.pop("input_config", UNSET))

        execute_workflow_request = cls(
            input_config=input_config,
        )

        execute_workflow_request.additional_properties = d
        return execute_workflow_request

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
