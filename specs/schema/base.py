"""What all schema classes share: frozen, closed to unknown keys, camelCase in YAML."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from specs.units import UnitError

Text = StrictStr
Whole = StrictInt
Number = StrictFloat
Flag = StrictBool

NAME_PATTERN = r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$"
"""Names become parts of Kubernetes and AWS names: a DNS label that starts with a letter, at most 40 characters."""

Name = Annotated[Text, Field(pattern=NAME_PATTERN)]

LABEL_KEY_PATTERN = r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
LABEL_VALUE_PATTERN = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"

LabelKey = Annotated[Text, Field(pattern=LABEL_KEY_PATTERN)]
LabelValue = Annotated[Text, Field(pattern=LABEL_VALUE_PATTERN)]


class Section(BaseModel):
    """A map of the language: unknown keys are errors, values cannot be changed, keys are camelCase."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=False,
        hide_input_in_errors=True,
        defer_build=True,
    )


def problem(code: str, message: str, help_text: str = "") -> PydanticCustomError:
    """Return the error that a validator raises: `code` becomes the diagnostic's code."""
    # pydantic formats the message as a template: braces of a user's value must not be read as fields
    escaped = message.replace("{", "{{").replace("}", "}}")
    return PydanticCustomError("llmform", escaped, {"code": code, "help": help_text, "text": message})


def unit(parse: Callable[[Any], Any], *, written: Any = str) -> BeforeValidator:
    """Return a validator that reads a quantity with its unit; `written` is the type that it has in a spec."""

    def read(value: Any) -> Any:
        try:
            return parse(value)
        except UnitError as error:
            raise problem("bad-unit", error.message, error.help) from None

    return BeforeValidator(read, json_schema_input_type=written)


def short_form(key: str) -> Callable[[Any], Any]:
    """Return a reader of a short form: a plain string stands for the map with that one key."""

    def read(value: Any) -> Any:
        return {key: value} if isinstance(value, str) else value

    return read
