"""Services in the policy file: where they are asked, and what their answers mean."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from shared.adapters.config.schema_types import FieldPath, Name, Schema, Status, Text, UrlPath, Variable, Word


class ReadySchema(Schema):
    """Where a service says whether it can work.

    - `path`: asked by GET before a trigger; a 2xx is ready
    """

    path: UrlPath


class IdentitySchema(Schema, rename={"is_": "is"}):
    """Where a service says who it is: a field of the answer, and what must stand there.

    - `path`: asked by GET
    - `is`: what must stand in that field
    - `field`: the field of the answer; `service` where left out
    """

    path: UrlPath
    is_: Text
    field: Text | UnsetType = UNSET


FieldValue = str | int | float | bool
BodyFields = Annotated[
    dict[FieldPath, FieldValue | list[FieldValue]],
    Meta(description="fields of an answer by their paths, each with the value that fits or a list of them"),
]


class StatusSchema(Schema):
    """How a service is asked whether it works on a date, before a call of unknown outcome is made again.

    - `path`: asked by GET
    """

    path: UrlPath
    at_work: Annotated[BodyFields, Meta(description="what its answer says while it works on the date")]
    query: Annotated[
        dict[Text, Text] | UnsetType | None, Meta(description="the query's parameters; values are templates")
    ] = UNSET


class ResultsSchema(Schema):
    """Where an answer lists what became of its parts: all failed, or none there, is not yet.

    - `path`: the field that is the list; `results` where left out
    - `field`: the field of each part that says how it ended; `status` where left out
    - `good`: the words of that field that are a success; `success` where left out
    """

    path: FieldPath | UnsetType = UNSET
    field: FieldPath | UnsetType = UNSET
    good: Annotated[list[Word], Meta(min_length=1)] | UnsetType = UNSET


class AnswerSchema(Schema):
    """What an answer means: the first line of a path that fits.

    - `body`: fields of the answer's body, all of which have to fit
    - `results`: where the answer lists what became of its parts
    """

    status: Annotated[Status | list[Status], Meta(description="the HTTP status, or a list")]
    means: Annotated[
        Literal["accepted", "not_yet", "busy", "refused"],
        Meta(description="a yes; a no that asks again later (not_yet, busy); a no for good (refused)"),
    ]
    body: BodyFields | UnsetType | None = UNSET
    show: Annotated[
        list[FieldPath] | UnsetType | None, Meta(description="fields of the answer that stand in every text about it")
    ] = UNSET
    results: ResultsSchema | UnsetType | None = UNSET


class ServiceSchema(Schema):
    """A service that is called. `ready_path` with a plain `identity` is the short form of `ready` and `identity`.

    - `url_env`: the environment variable that holds its address
    - `identity`: the name that its health answer must give, or where it gives it: another service is not called
    - `ready_path`: the path of its readiness answer; the short form of `ready`
    - `ready`: where it says whether it can work
    - `cloud_run`: its name on Cloud Run, where the deployment gives rights to call it and the doctor looks for its
      address
    - `status`: how it is asked whether it works on a date, before a call of unknown outcome is made again
    """

    url_env: Variable
    identity: Text | IdentitySchema | UnsetType | None = UNSET
    ready_path: UrlPath | UnsetType | None = UNSET
    ready: ReadySchema | UnsetType | None = UNSET
    cloud_run: Name | UnsetType | None = UNSET
    status: StatusSchema | UnsetType | None = UNSET
    answers: Annotated[
        dict[UrlPath, list[AnswerSchema]] | UnsetType | None,
        Meta(description="what its answers mean, by path; the first line that fits"),
    ] = UNSET
