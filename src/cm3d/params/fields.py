"""What sections of params.yaml are made of: bounded numbers, classes, models of the shelf."""

from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]

# Of the matrix products of a network on a GPU; a CPU computes in fp32.
Precision = Literal["fp32", "bf16", "fp16"]

ClassName = Literal[
    "car",
    "truck",
    "bus",
    "trailer",
    "construction_vehicle",
    "pedestrian",
    "motorcycle",
    "bicycle",
    "traffic_cone",
    "barrier",
]

# Classes that are easily confused: boxes of one group may be one object.
GroupName = Literal["vehicle", "pedestrian", "cycle", "cone", "barrier"]


def lacking_classes(values: dict[ClassName, Any]) -> str:
    """The classes that a mapping has no value for, as a list to read."""
    return ", ".join(name for name in get_args(ClassName) if name not in values)


def _of_every_class(what: str) -> AfterValidator:
    """Refuses a mapping that lacks a class."""

    def check(values: dict[ClassName, Any]) -> dict[ClassName, Any]:
        if missing := lacking_classes(values):
            raise ValueError(f"no {what} for {missing}")
        return values

    return AfterValidator(check)


RadiusByClass = Annotated[dict[ClassName, Positive], _of_every_class("radius")]
CountByClass = Annotated[dict[ClassName, Annotated[int, Field(ge=0)]], _of_every_class("count")]
ScoreByClass = Annotated[dict[ClassName, Share], _of_every_class("score")]


class Section(BaseModel):
    """A section of params.yaml: frozen, every key known and required."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __hash__(self) -> int:
        """By value, so that what is built from parameters can be cached by them."""
        return hash(self.model_dump_json())


class ShelfModel(Section):
    """A pretrained model: a folder, or an id on the Hugging Face hub at one commit."""

    model: str
    revision: Annotated[str, Field(pattern="^[0-9a-f]{40}$")] | None
