"""What a sync may be told."""

from typing import Annotated, Any, Literal, Self

from pathspec import GitIgnoreSpec
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

SCHEMES = ("file", "s3", "gs", "az")

Patterns = list[Annotated[str, Field(min_length=1)]]


class Sync(BaseModel):
    """The arguments of `sync`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str | None = None
    """A folder, or `s3://bucket/prefix`, `gs://…`, `az://…`, as the recur worker sees it."""

    urls: list[Annotated[str, Field(pattern=r"^https?://")]] = []
    """Instead of `source`: pages and files of the web."""

    collection: Annotated[str, Field(min_length=1)]
    pipeline: Annotated[str, Field(min_length=1)] = "index"
    priority: Annotated[int, Field(ge=1, le=10)] = 4
    """One less than a submission by hand, which somebody may be waiting for."""

    metadata: dict[str, Any] = {}

    include: Patterns = []
    """Only files that match one of these patterns of .gitignore (`*.pdf`, `reports/**`); all, if there are none."""

    exclude: Patterns = []
    """But not those that match one of these."""

    vanished: Literal["keep", "remove"] = "keep"
    """Whether documents whose file is gone are removed. Those that somebody else has submitted too never are."""

    remove_most: Annotated[float, Field(gt=0, le=1)] = 0.5
    """The share of what is known that may be gone at once: more is taken for a source that is not there."""

    most: Annotated[int, Field(ge=1)] = 100_000
    """So many new and changed files in one run; the next one goes on."""

    largest: Annotated[int, Field(ge=1)] = 256 * 1024**2
    """Larger files, in bytes, are not taken."""

    dry_run: bool = False
    """Say what would be done, as a rehearsal does, but by schedule."""

    @field_validator("source")
    @classmethod
    def _is_a_place(cls, value: str | None) -> str | None:
        scheme, colon, _ = (value or "").partition("://")
        if colon and scheme not in SCHEMES:
            raise ValueError("expected a folder, or a URL that begins with s3://, gs:// or az://")
        return value

    @field_validator("include", "exclude")
    @classmethod
    def _are_patterns(cls, value: list[str]) -> list[str]:
        try:
            GitIgnoreSpec.from_lines(value)
        except ValueError as error:
            raise ValueError(f"expected patterns as in .gitignore: {error}") from None
        return value

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.source is None) == (not self.urls):
            raise ValueError("expected either `source` or `urls` in the arguments")
        return self

    def takes(self) -> "Chooser":
        """Which paths to take."""
        return Chooser(self.include, self.exclude)


class Chooser:
    """Patterns, ready to be asked a million times."""

    def __init__(self, include: list[str], exclude: list[str]) -> None:
        """Compile them."""
        self._include = GitIgnoreSpec.from_lines(include) if include else None
        self._exclude = GitIgnoreSpec.from_lines(exclude) if exclude else None

    def file(self, path: str) -> bool:
        """Whether a file is to be taken."""
        if self._exclude and self._exclude.match_file(path):
            return False
        return self._include is None or bool(self._include.match_file(path))

    def folder(self, path: str) -> bool:
        """Whether to look into a folder at all."""
        return self._exclude is None or not self._exclude.match_file(f"{path}/")
