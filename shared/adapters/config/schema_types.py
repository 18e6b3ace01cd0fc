"""What a key of the policy file may hold: durations, times, names, paths, numbers."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct

# The end of a pattern: `$` alone would let a newline at the end through.
END = r"$(?!\n)"
Name = Annotated[str, Meta(pattern="^[A-Za-z][A-Za-z0-9_-]*" + END, description="a name", examples=["phase3"])]
Text = Annotated[str, Meta(min_length=1, description="a text", examples=["Analytics"])]
Table = Annotated[
    str,
    Meta(
        pattern="^[A-Za-z0-9_]+[.][A-Za-z0-9_]+" + END,
        description="a table with its dataset",
        examples=["nba_raw.nbac_team_boxscore"],
    ),
]
Column = Annotated[
    str, Meta(pattern="^[A-Za-z_][A-Za-z0-9_]*" + END, description="the name of a column", examples=["game_date"])
]
Expression = Annotated[
    str,
    Meta(
        min_length=1,
        description="a GoogleSQL expression over the columns of one table; a plain column is one",
        examples=["game_id", "CONCAT(away_team_tricode, '@', home_team_tricode)"],
    ),
]
Topic = Annotated[
    str,
    Meta(
        pattern="^(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{0,254}" + END,
        description="the name of a topic",
        examples=["nba-phase4-trigger"],
    ),
]
UrlPath = Annotated[
    str, Meta(pattern=r"^/[^\s?#]*" + END, description="the path of a URL, from its slash on", examples=["/ready"])
]
WebUrl = Annotated[
    str,
    Meta(
        pattern=r"^https?://[^\s/?#]+[^\s]*" + END,
        description="the URL of a web page",
        examples=["https://github.com/acme/orchestrator/blob/main/deploy/ALERTS.md"],
    ),
]
Variable = Annotated[
    str,
    Meta(
        pattern="^[A-Z][A-Z0-9_]*" + END, description="the name of an environment variable", examples=["ANALYTICS_URL"]
    ),
]
Secret = Annotated[
    str, Meta(pattern="^[A-Za-z0-9_-]+" + END, description="the name of a secret", examples=["slack-webhook-url"])
]
SqlFile = Annotated[
    str,
    Meta(
        pattern="^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*[.]sql" + END,
        description="an SQL file, relative to the policy file or to config/",
        examples=["gates/game_coverage.sql"],
    ),
]
Duration = Annotated[
    str, Meta(pattern="^[0-9]{1,6}[smhd]" + END, description="a duration", examples=["90s", "15m", "2h", "1d"])
]
TimeOfDay = Annotated[
    str,
    Meta(
        pattern="^([01][0-9]|2[0-3]):[0-5][0-9]" + END,
        description="a quoted time of day",
        examples=['"05:00"', '"16:30"'],
    ),
]
DueTime = Annotated[
    str,
    Meta(
        pattern=r"^(\+[1-9]d )?([01][0-9]|2[0-3]):[0-5][0-9]" + END,
        description="a quoted time of the working day, or of a later one",
        examples=['"08:30"', '"+1d 02:00"'],
    ),
]
Nights = Annotated[
    str, Meta(pattern="^[0-9]{1,3} nights" + END, description="a number of nights", examples=["28 nights"])
]
Quantile = Annotated[float, Meta(gt=0, le=1, description="a quantile above 0, at most 1", examples=[0.95])]
Factor = Annotated[float, Meta(gt=0, le=100, description="a factor above 0, at most 100", examples=[1.5])]
Percent = Annotated[float, Meta(ge=0, le=100, description="a percentage from 0 to 100", examples=[80])]
Share = Annotated[int, Meta(ge=0, le=100, description="a whole percentage from 0 to 100", examples=[80])]
Count = Annotated[int, Meta(ge=1, description="a whole number from 1 on", examples=[3])]
Times = Annotated[int, Meta(ge=0, le=100, description="a whole number from 0 to 100", examples=[1])]
Attempts = Annotated[int, Meta(ge=1, le=10, description="a whole number from 1 to 10", examples=[3])]
Growth = Annotated[float, Meta(ge=0, le=1_000_000, description="a percentage from 0 on", examples=[10])]
Offset = Annotated[int, Meta(ge=-366, le=366, description="a number of days", examples=[-1, 0, 1])]
Status = Annotated[int, Meta(ge=100, le=599, description="an HTTP status", examples=[200])]
Days = Annotated[int, Meta(ge=-366, le=366, description="days from the day of publication", examples=[0, -1, 1])]
FieldPath = Annotated[
    str,
    Meta(
        pattern=r"^[^.\s]+([.][^.\s]+)*" + END,
        description="a field of the message, by its path",
        examples=["target_date", "metadata.rows_updated"],
    ),
]
Word = Annotated[str, Meta(min_length=1, description="a word of the wire", examples=["phase_3_analytics"])]
NamePattern = Annotated[
    str,
    Meta(
        pattern=r"[^*\s]",
        description="a name on the wire, in which * stands for any characters",
        examples=["NbacScoreboardV2Processor", "Kalshi*"],
    ),
]
Kind = Annotated[
    Literal["text", "date", "integer", "number", "flag", "list", "object"],
    Meta(description="what kind of value a field must hold", examples=["date"]),
]
Day = Annotated[date, Meta(description="a date", examples=["2026-01-28"])]


class Schema(Struct, forbid_unknown_fields=True):
    """A mapping of the file; a key it does not know is refused."""
