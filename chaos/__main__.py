"""`python -m chaos`: break the service on purpose; exit status 0 only if every promise held."""

import signal
from pathlib import Path

import click

from app.development.server import ServerError
from chaos.report import summary
from chaos.run import Wanted, run
from chaos.target import NotInjected, Timing
from docrelay.errors import DocrelayError


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.option("--documents", default=100, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--faults", default=25, show_default=True, type=click.IntRange(0, 10_000))
@click.option("--seed", default=1, show_default=True, help="Of the documents, the faults and their moments.")
@click.option(
    "--corpus", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Take documents from a folder."
)
@click.option("--broker", default="rabbitmq", show_default=True, type=click.Choice(["rabbitmq", "embedded"]))
@click.option("--lease", default=5.0, show_default=True, type=click.FloatRange(2), help="Seconds.")
@click.option("--sweep", default=1.0, show_default=True, type=click.FloatRange(0.2), help="Seconds.")
@click.option("--outage", default=6.0, show_default=True, help="Seconds that outages and locks last, at most.")
@click.option("--margin", default=10.0, show_default=True, help="Seconds that a restart may add to lease and sweep.")
@click.option("--only", multiple=True, help="Only faults whose name contains this; may be given again.")
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="Keep data and logs in this folder.")
def main(
    *,
    documents: int,
    faults: int,
    seed: int,
    corpus: Path | None,
    broker: str,
    lease: float,
    sweep: float,
    outage: float,
    margin: float,
    only: tuple[str, ...],
    home: Path | None,
) -> None:
    """Run documents through a whole service of separate processes, break it at random moments, and judge."""
    signal.signal(signal.SIGTERM, _interrupt)  # the `with` blocks stop what was started
    timing = Timing(lease, sweep, outage, margin)
    wanted = Wanted(documents, faults, seed, corpus, broker, only, timing)
    if home is not None:
        home.mkdir(parents=True, exist_ok=True)
    outcome = run(wanted, home=home and home.resolve())
    click.echo(summary(outcome))
    raise SystemExit(0 if outcome.good else 1)


if __name__ == "__main__":
    try:
        main(prog_name="python -m chaos")
    except (DocrelayError, ServerError, NotInjected) as error:
        raise SystemExit(f"error: {error}") from None
