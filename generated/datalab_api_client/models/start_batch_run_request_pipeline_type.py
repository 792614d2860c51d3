from enum import StrEnum


class StartBatchRunRequestPipelineType(StrEnum):
    CONVERT = "convert"
    EXTRACT = "extract"
    SEGMENT = "segment"

    def __str__(self) -> str:
        return str(self.value)
