"""The request budget of a key, in one process or shared by many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datalab_facade.late import late_names

if TYPE_CHECKING:
    from datalab_facade.pacing.pacing import Budget, LocalBudget
    from datalab_facade.pacing.sharing import BudgetStore, SharedBudget

__all__ = ["Budget", "BudgetStore", "LocalBudget", "SharedBudget"]

if not TYPE_CHECKING:
    __getattr__ = late_names(
        __name__, {"pacing": "Budget LocalBudget", "sharing": "BudgetStore SharedBudget"}
    )
