"""What sections of params.yaml are made of: bounded numbers, phrases, models of the shelf."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]

# Of a file, a folder or a package; never a path.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*$")]

# Of the matrix products of a network on a GPU; a CPU computes in fp32.
Precision = Literal["fp32", "bf16", "fp16"]


def _spelled(phrase: str) -> str:
    if phrase != " ".join(phrase.lower().split()) or not phrase or set(phrase) & set("._?"):
        raise ValueError("words in lower case, one space apart, without . ? _")
    return phrase


# What stands for a class in the prompt of an open-vocabulary detector.
Phrase = Annotated[str, AfterValidator(_spelled)]


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
