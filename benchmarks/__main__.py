"""`python -m benchmarks`: measure, print a table."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from app.development.server import ServerError
from benchmarks.converters import NoConverter
from benchmarks.frameworks.environments import FRAMEWORKS
from benchmarks.frameworks.task import ARITHMETICS
from benchmarks.service import TooSlow
from docrelay.errors import DocrelayError

BROKERS = click.Choice(["rabbitmq", "embedded"])

Command = Callable[..., None]


def common(*, rounds: int) -> Callable[[Command], Command]:
    """The options that every benchmark has."""

    def add(command: Command) -> Command:
        for option in (
            click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table."),
            click.option("--seed", default=0, show_default=True, help="Of the documents that are made."),
            click.option("--rounds", default=rounds, show_default=True, type=click.IntRange(1, 100)),
            click.option("--broker", default="rabbitmq", show_default=True, type=BROKERS),
        ):
            command = option(command)
        return command

    return add


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
def main() -> None:
    """Measure the service, which is started for it with data of its own, beside plain programs."""
    signal.signal(signal.SIGTERM, _interrupt)  # the `with` blocks stop what was started


@main.command()
@click.option("--jobs", default=500, show_default=True, type=click.IntRange(1, 100_000), help="In each round.")
@common(rounds=3)
def jobs(*, as_json: bool, **options: Any) -> None:
    """Jobs of three empty stages, beside Celery chains of three empty tasks."""
    from benchmarks.jobs import Wanted, measure

    measure(Wanted(**options)).show(as_json=as_json)


@main.command()
@click.option("--corpus", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder with PDFs.")
@click.option("--documents", default=40, show_default=True, help="How many PDFs to make when there is no corpus.")
@click.option("--most", default=1000, show_default=True, help="Take so many of the corpus's files at most.")
@click.option("--seconds", default=900.0, show_default=True, help="Bound on one side of one round.")
@common(rounds=3)
def throughput(*, as_json: bool, **options: Any) -> None:
    """PDFs to searchable chunks, beside one process that reads and embeds them in a loop."""
    from benchmarks.throughput import Wanted, measure

    measure(Wanted(**options)).show(as_json=as_json)


@main.command()
@click.argument("corpus", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--cache", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder to install in.")
@click.option("--only", multiple=True, type=click.Choice(FRAMEWORKS), help="Beside this framework (may be repeated).")
@click.option("--arithmetic", "arithmetics", multiple=True, type=click.Choice(ARITHMETICS), help="Theirs (repeatable).")
@click.option("--most", default=1000, show_default=True, help="Take so many of the corpus's files at most.")
@click.option("--largest", default=100_000_000, show_default=True, help="Take only files of at most so many bytes.")
@click.option("--seconds", default=1800.0, show_default=True, help="Bound on one run of one side.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 100))
@click.option("--broker", default="rabbitmq", show_default=True, type=BROKERS)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def frameworks(*, as_json: bool, **options: Any) -> None:
    """The PDFs of CORPUS to vectors, and once more, beside CocoIndex, Haystack, LangChain and LlamaIndex.

    Each is installed by pip in an environment of its own in the folder of --cache, two gigabytes each, once.
    Without --arithmetic they compute in openvino-bfloat16; the service chooses for itself.
    """
    from benchmarks.frameworks.environments import NotInstalled
    from benchmarks.frameworks.rival import Failed
    from benchmarks.frameworks.run import Wanted, measure

    try:
        measure(Wanted(**options)).show(as_json=as_json)
    except (Failed, FileNotFoundError, NotInstalled) as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.option("--documents", default=30, show_default=True, type=click.IntRange(2, 1000), help="In each round.")
@common(rounds=1)
def latency(*, as_json: bool, **options: Any) -> None:
    """One small document at a time: how long until it is searchable, submitted again, searched for."""
    from benchmarks.latency import Wanted, measure

    measure(Wanted(**options)).show(as_json=as_json)


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--rerank", default="", metavar="MODEL", help="Also re-rank by this cross-encoder: a folder or a name.")
@click.option("--seconds", default=1200.0, show_default=True, help="Bound on indexing one collection.")
@click.option("--broker", default="embedded", show_default=True, type=BROKERS)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def search(*, as_json: bool, **options: Any) -> None:
    """Search quality on the retrieval collections in FOLDER (cranfield/, cisi/), beside brute force."""
    from benchmarks.search_quality import Wanted, measure

    measure(Wanted(**options)).show(as_json=as_json)


@main.command()
@click.option("--texts", default=128, show_default=True, type=click.IntRange(64, 100_000), help="In each round.")
@click.option("--words", default=150, show_default=True, type=click.IntRange(1, 10_000), help="Of a text, about.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1, 100))
@click.option("--seed", default=0, show_default=True, help="Of the texts that are made.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def embedding(*, as_json: bool, **options: Any) -> None:
    """The embedding model in every arithmetic that there is here, in turns, without the service."""
    from benchmarks.embedding import Wanted, measure

    measure(Wanted(**options)).show(as_json=as_json)


@main.command(name="embed-stage")
@click.option("--documents", default=40, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--paragraphs", default=150, show_default=True, type=click.IntRange(1, 10_000), help="Of a document.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 100))
@click.option("--seed", default=0, show_default=True, help="Of the texts that are made.")
@click.option("--broker", default="rabbitmq", show_default=True, type=BROKERS)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def embed_stage(*, as_json: bool, **options: Any) -> None:
    """The service's vectorize stage, beside its engine alone on the same texts."""
    from benchmarks.embed_stage import Wanted, measure

    measure(Wanted(**options)).show(as_json=as_json)


@main.command()
@click.option("--vectors", default=50_000, show_default=True, type=click.IntRange(1_000, 5_000_000))
@click.option("--dimension", default=384, show_default=True, type=click.IntRange(2, 2_000))
@click.option("--queries", default=200, show_default=True, type=click.IntRange(100, 100_000))
@click.option("--connections", default=16, show_default=True, type=click.IntRange(2, 100), help="HNSW's m.")
@click.option("--candidates", default=64, show_default=True, type=click.IntRange(4, 1_000), help="Its ef_construction.")
@click.option("--grown", is_flag=True, help="Also write into an index that is there from the start.")
@click.option("--seconds", default=300.0, show_default=True, help="Begin nothing after so long.")
@click.option("--seed", default=0, show_default=True, help="Of the vectors that are made.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def scale(*, as_json: bool, **options: Any) -> None:
    """Vectors in Postgres: how fast they are written, indexed and found, as `vector` and as `halfvec`."""
    from benchmarks.scale import Wanted, measure

    measure(Wanted(**options)).show(as_json=as_json)


@main.command()
@click.option(
    "--jobs",
    multiple=True,
    default=(10_000, 100_000, 1_000_000),
    show_default=True,
    type=click.IntRange(100, 20_000_000),
    help="Finished jobs in the tables (may be repeated).",
)
@click.option("--repetitions", default=50, show_default=True, type=click.IntRange(5, 100), help="Of each operation.")
@click.option("--seconds", default=20.0, show_default=True, help="Bound on one operation at one size.")
@click.option("--plans", type=click.Path(dir_okay=False, path_type=Path), help="Write the plans there, as JSON.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def rows(*, as_json: bool, **options: Any) -> None:
    """What the service and its clients ask, in ever larger tables: pages that Postgres reads for each, and plans.

    Exit status 1 if something that must not grow with the tables reads a large one from end to end, or five times
    as much at the largest size as at the smallest.
    """
    from benchmarks.rows.run import Wanted, measure

    found = measure(Wanted(**options))
    found.show(as_json=as_json)
    raise SystemExit(1 if found.faults else 0)


@main.command()
@click.option("--pages", default=5_000, show_default=True, type=click.IntRange(1, 20_000), help="At most so many.")
@click.option("--corpus", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Merge the PDFs of it.")
@click.option("--seconds", default=600.0, show_default=True, help="Bound on the large document.")
@click.option("--broker", default="embedded", show_default=True, type=BROKERS)
@click.option("--seed", default=0, show_default=True, help="Of the document that is made without a corpus.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def large(*, as_json: bool, **options: Any) -> None:
    """One document of thousands of pages: its time, peak memory, and how long small ones behind it wait."""
    from benchmarks.large import Wanted, measure

    measure(Wanted(**options)).show(as_json=as_json)


@main.command()
@click.argument("corpus", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--glob", default="**/*.pdf", show_default=True, help="Which files of it.")
@click.option("--seconds", default=3600.0, show_default=True, help="Bound on the whole.")
@click.option("--broker", default="rabbitmq", show_default=True, type=BROKERS)
def acceptance(**options: Any) -> None:
    """Every file of a folder through the service: exit status 0 if each got a clear outcome and no worker died."""
    from benchmarks.acceptance import Wanted, run

    raise SystemExit(0 if run(Wanted(**options)) else 1)


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--most", default=2000, show_default=True, type=click.IntRange(1, 100_000), help="Take so many files.")
def formats(**options: Any) -> None:
    """Every file of a folder through its parser: words found beside other programs' words, speed, and safety.

    Files under a folder whose name ends in "_bad" are not compared: what became of each is told, with the exit status 1
    if one killed its process or left an error without a reason.
    """
    from benchmarks.formats import Wanted, run

    raise SystemExit(0 if run(Wanted(**options)) else 1)


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--glob", default="*", show_default=True, help="Only PDFs of such names.")
@click.option("--every-line", is_flag=True, help="Ours with DOCRELAY_PDF_EVERY_LINE, as the others read.")
@click.option("--words", "show_words", default=0, show_default=True, help="Name so many words lost and added per file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def quality(folder: Path, **options: Any) -> None:
    """Text of PDFs against their true text, beside pypdf, pdfium and pdftotext: exit status 1 if a target is missed."""
    from benchmarks.quality.readers import Missing
    from benchmarks.quality.run import run

    try:
        raise SystemExit(0 if run(folder, **options) else 1)
    except (Missing, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--files", default=20, show_default=True, type=click.IntRange(1, 10_000), help="So many PDFs with text.")
@click.option("--pages", default=1, show_default=True, type=click.IntRange(1, 100), help="So many pages of each.")
@click.option("--languages", "ocr_languages", default="eng", show_default=True, help="By Tesseract's names: eng+deu.")
@click.option("--seed", default=1, show_default=True, help="Of the pages, and of what a scanner does to them.")
def ocr(**options: Any) -> None:
    """Pages of PDFs with text, made into scans and read by OCR, beside the program `tesseract` if it is installed."""
    from benchmarks.quality.scans import Wanted, run

    try:
        run(Wanted(**options))
    except FileNotFoundError as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.option("--deliveries", default=10_000, show_default=True, type=click.IntRange(4, 1_000_000))
@click.option("--seed", default=1, show_default=True, help="Of the receivers' moods and the victims.")
@click.option("--kill-every", default=8.0, show_default=True, type=click.FloatRange(1), help="Seconds between kills.")
@click.option("--broker-restarts", default=3, show_default=True, type=click.IntRange(0, 100))
@click.option("--seconds", default=900.0, show_default=True, help="Bound on the whole run.")
def deliveries(**options: Any) -> None:
    """Notifications to receivers that misbehave, while notify workers are killed and the broker restarts."""
    from benchmarks.deliveries.run import Wanted, run

    raise SystemExit(0 if run(Wanted(**options)) else 1)


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--files", default=20_000, show_default=True, type=click.IntRange(1), help="So many at most.")
@click.option("--seconds", default=1800.0, show_default=True, help="So long at most.")
@click.option("--seed", default=0, show_default=True, help="Of the chance that breaks them.")
@click.option("--parallel", default=2, show_default=True, type=click.IntRange(1, 64), help="Document processes.")
@click.option("--largest", default=100_000, show_default=True, help="Break only files of at most so many bytes.")
@click.option("--patience", default=20.0, show_default=True, help="Seconds after which a file counts as hung.")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Folder for the files that did harm.")
@click.option("--only", type=int, help="Only the case of this number.")
def fuzz(**options: Any) -> None:
    """Broken copies of the files in FOLDER through document processes: exit status 1 if one hung or died."""
    from benchmarks.fuzzing.run import Wanted, run

    try:
        raise SystemExit(0 if run(Wanted(**options)) else 1)
    except FileNotFoundError as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 100))
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def pdf(*, as_json: bool, **options: Any) -> None:
    """Pages per second of the PDFs in FOLDER, by plain pdfium, by our reader, and by it in a document process."""
    from benchmarks.pdf_speed import Wanted, measure

    try:
        measure(Wanted(**options)).show(as_json=as_json)
    except FileNotFoundError as error:
        raise click.ClickException(str(error)) from None


@main.command("schedule-takeover")
@click.option("--seconds", default=600.0, show_default=True, type=click.FloatRange(5, 86_400), help="How long.")
@click.option("--beats", default=3, show_default=True, type=click.IntRange(2, 20))
@click.option("--entries", default=3, show_default=True, type=click.IntRange(1, 20), help="Each due every second.")
@click.option("--kill-every", default=20.0, show_default=True, type=click.FloatRange(1), help="Seconds.")
@click.option("--broker", default="rabbitmq", show_default=True, type=BROKERS)
def schedule_takeover(**options: Any) -> None:
    """Several Beats while the leading one is killed: exit status 1 if a due time came twice, never, or too late."""
    from benchmarks.schedule.takeover import Wanted, run

    raise SystemExit(0 if run(Wanted(**options)) else 1)


@main.command("schedule-month")
@click.option("--mishaps", default=120, show_default=True, type=click.IntRange(0, 10_000), help="About so many.")
@click.option("--beats", default=3, show_default=True, type=click.IntRange(1, 20))
@click.option("--seed", default=1, show_default=True, help="Of what happens, and when.")
def schedule_month(**options: Any) -> None:
    """Two simulated months of 20 entries over all changes of the clocks, while Beats are killed, stopped and frozen.

    Exit status 1 if a due time came twice, never, or was left out for a reason that is not true.
    """
    from benchmarks.schedule.month.run import Wanted, run, show
    from benchmarks.service import broker

    with broker("rabbitmq") as server:
        assert server is not None
        simulated = run(Wanted(**options), server, lambda line: click.echo(line, err=True))
    raise SystemExit(0 if show(simulated) else 1)


@main.command("schedule-sync")
@click.option("--files", default=100_000, show_default=True, type=click.IntRange(100, 10_000_000))
@click.option("--seconds", default=3600.0, show_default=True, help="Bound on one sync, and on the jobs that it makes.")
@click.option("--broker", default="rabbitmq", show_default=True, type=BROKERS)
def schedule_sync(**options: Any) -> None:
    """A sync of very many small files, again, and with ten changed: exit status 1 if it does more than it must."""
    from benchmarks.schedule.syncing import Wanted, run

    raise SystemExit(0 if run(Wanted(**options)) else 1)


if __name__ == "__main__":
    try:
        main(prog_name="python -m benchmarks")
    except (DocrelayError, NoConverter, ServerError, TooSlow) as error:
        raise SystemExit(f"error: {error}") from None
