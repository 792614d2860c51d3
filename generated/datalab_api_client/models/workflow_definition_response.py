from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.workflow_definition_response_steps_item import WorkflowDefinitionResponseStepsItem


T = TypeVar("T", bound="WorkflowDefinitionResponse")


@_attrs_define
class WorkflowDefinitionResponse:
    """Response with workflow definition details.

    Attributes:
        id (int):
        name (str):
        team_id (int):
        steps (list[WorkflowDefinitionResponseStepsItem]):
    """

    id: int
    name: str
    team_id: int
    steps: list[WorkflowDefinitionResponseStepsItem]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        name = self.name

        team_id = self.team_id

        steps = []
        for steps_item_data in self.steps:
            steps_item = steps_item_data.to_dict()
            steps.append(steps_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "name": name,
                "team_id": team_id,
                "steps": steps,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.workflow_definition_response_steps_item import WorkflowDefinitionResponseStepsItem

        d = dict(src_dict)
        id = d.pop("id")

        name = d.pop("name")

        team_id = d.pop("team_id")

        steps = []
        _steps = d.pop("steps")
        for steps_item_data in _steps:
            steps_item = WorkflowDefinitionResponseStepsItem.from_dict(steps_item_data)

            steps.append(steps_item)

        workflow_definition_response = cls(
            id=id,
            name=name,
            team_id=team_id,
            steps=steps,
        )

        workflow_definition_response.additional_properties = d
        return workflow_definition_response

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
