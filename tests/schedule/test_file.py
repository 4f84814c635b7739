"""The schedule file: each mistake is named with entry, key, what was found and what is expected."""

from pathlib import Path

import pytest

from app.schedule.file import WatchedFile, parse, read
from app.schedule.recurring import argument_models
from docrelay.errors import ConfigError

GOOD = '[nightly]\ncron = "30 2 * * MON-FRI"\ntimezone = "Europe/Berlin"\ntask = "nothing"\n'


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "schedule.toml", argument_models())
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ('cron = "61 2 * * *"', "cron = '61 2 * * *': bad minute: expected five fields: minute (0-59) hour (0-23)"),
        ('cron = "0 2 * *"', "cron = '0 2 * *': expected five fields: minute (0-59)"),
        ('cron = "0 0 31 2 *"', "cron = '0 0 31 2 *': bad day-of-month: expected five fields"),
        ("cron = 5", "cron = 5: expected a valid string"),
        ('every = "5 minutes"', "every = '5 minutes': expected a number with s, m, h, d or w, such as '15m'"),
        ('every = "0s"', "every = '0s': expected one second or more"),
        ('every = "1h"\ncron = "0 2 * * *"', "expected either `cron` or `every`"),
        ("", "expected either `cron` or `every`"),
        (
            'every = "1h"\ntimezone = "Berlin"',
            "timezone = 'Berlin': expected an IANA time zone, such as 'Europe/Berlin'",
        ),
        ('every = "1h"\noverlap = "wait"', "overlap = 'wait': expected 'skip', 'queue' or 'allow'"),
        ('every = "1h"\ncatch_up = 5000', "catch_up = 5000: expected 'none', 'last' or a number from 1 to 1000"),
        ('every = "1h"\ncatch_up = 5', "catch_up = 5 starts several at once: expected overlap 'queue' or 'allow'"),
        ('every = "1h"\nenabled = "yes"', "enabled = 'yes': expected a valid boolean"),
        ('every = "1h"\nrehearsal = "on"', "rehearsal = 'on': expected 'required' or 'off'"),
        ('every = "1h"\nnotify = ["ada"]', "notify.0 = 'ada': expected an http(s) URL without a password, mailto:"),
        ('every = "1h"\nrehersal = "off"', "rehersal is no key; known: arguments, catch_up, cron"),
        ('every = "1h"\nrehersal = "off"', "did you mean rehearsal?"),
        ('every = "1h"\narguments = { size = 1 }', "arguments.size is no key"),
    ],
)
def test_a_mistake_is_named(keys: str, line: str) -> None:
    (found,) = mistakes(f'[nightly]\ntask = "nothing"\n{keys}\n')
    assert found.startswith("schedule.toml: [nightly] ")
    assert line in found


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ('task = "synch"', "task = 'synch': expected one of "),
        ('task = "synch"', "did you mean sync?"),
        ('task = "sync"', "arguments.collection is missing"),
        ('pipeline = "index"', "arguments.collection is missing"),
        ('task = "sync"\narguments = { collection = "a" }', "expected either `source` or `urls` in the arguments"),
        (
            'task = "sync"\narguments = { collection = "a", source = "/x", vanished = "delete" }',
            "arguments.vanished = 'delete': expected 'keep' or 'remove'",
        ),
    ],
)
def test_a_wrong_argument_is_named(table: str, line: str) -> None:
    (found,) = mistakes(f'[docs]\nevery = "1h"\n{table}\n')
    assert line in found


def test_all_mistakes_at_once() -> None:
    found = mistakes('[a]\nevery = "1x"\ntask = "nothing"\n[b]\nevery = "1h"\ntask = "nothing"\nx = 1\n')
    assert [line.split()[1] for line in found] == ["[a]", "[b]"]
    found = mistakes('[a]\nevery = "1x"\ntask = "sync"\narguments = { source = "/x", colection = "a" }\n')
    assert [line.split()[2] for line in found] == ["every", "arguments.collection", "arguments.colection"]


def test_no_toml() -> None:
    assert "line 2" in mistakes('[a]\nevery = "1h\n')[0]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read(tmp_path / "schedule.toml", argument_models())


def test_the_file_that_comes_with_the_service_is_well() -> None:
    assert "maintenance" in read(Path("config/schedule.toml"), argument_models())


def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "schedule.toml"
    watched = WatchedFile(file, argument_models())
    first = watched.look()
    assert first is not None
    assert "No such file" in str(first.problem)
    assert watched.look() is None
    file.write_text(GOOD)
    change = watched.look()
    assert change is not None
    assert list(change.entries or {}) == ["nightly"]
    other = tmp_path / "other"
    other.write_text(GOOD.replace("nightly", "mightly"))  # as large, and perhaps as old
    other.rename(file)
    change = watched.look()
    assert change is not None
    assert list(change.entries or {}) == ["mightly"]
