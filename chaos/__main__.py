"""`python -m chaos`: break the service on purpose; exit status 0 only if every promise held."""

import signal
from pathlib import Path

import click

from app.development.server import ServerError
from chaos.faults import PARTS
from chaos.machine import NotPossible
from chaos.mutations.trial import NotApplied
from chaos.outcome import Wanted
from chaos.report import summary
from chaos.run import run
from chaos.target import NotInjected, Timing
from docrelay.errors import DocrelayError


def _interrupt(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: what was started has to be taken down
    raise KeyboardInterrupt


@click.group(
    invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120}
)
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
@click.option("--margin", default=15.0, show_default=True, help="Seconds that a restart may add to lease and sweep.")
@click.option("--only", multiple=True, help="Only faults whose name contains this; may be given again.")
@click.option(
    "--without", multiple=True, type=click.Choice(PARTS), help="Leave out faults that this machine denies us."
)
@click.option("--overlap", default=0.2, show_default=True, type=click.FloatRange(0, 1), help="Share in pairs.")
@click.option(
    "--patience", default=120.0, show_default=True, help="Seconds for the rest after the last fault, at least."
)
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="Keep data and logs in this folder.")
@click.pass_context
def main(
    context: click.Context,
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
    without: tuple[str, ...],
    overlap: float,
    patience: float,
    home: Path | None,
) -> None:
    """Run documents through a whole service of separate processes, break it at random moments, and judge."""
    if context.invoked_subcommand:
        return
    signal.signal(signal.SIGTERM, _interrupt)  # the `with` blocks stop what was started
    timing = Timing(lease, sweep, outage, margin)
    wanted = Wanted(documents, faults, seed, corpus, broker, only, without, overlap, patience, timing)
    if home is not None:
        home.mkdir(parents=True, exist_ok=True)
    outcome = run(wanted, home=home and home.resolve())
    click.echo(summary(outcome))
    raise SystemExit(0 if outcome.good else 1)


@main.command("control")
@click.option("--documents", default=100, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--faults", default=26, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--seed", default=1, show_default=True)
@click.option("--outage", default=6.0, show_default=True, help="Seconds that outages last, at most.")
def control_command(*, documents: int, faults: int, seed: int, outage: float) -> None:
    """Break a plain Celery chain in the same way; exit status 0 if it lost documents, as it must."""
    from chaos.control.run import control, report

    signal.signal(signal.SIGTERM, _interrupt)
    counted = control(documents=documents, faults=faults, seed=seed, timing=Timing(outage=outage))
    click.echo(report(counted))
    raise SystemExit(0 if counted.lost else 1)


@main.command("mutations")
@click.option("--only", multiple=True, help="Only breaks whose name contains this; may be given again.")
@click.option("--without", multiple=True, type=click.Choice(PARTS), help="Passed on to each run.")
@click.option("--logs", type=click.Path(file_okay=False, path_type=Path), help="Keep what each run said here.")
def mutations_command(*, only: tuple[str, ...], without: tuple[str, ...], logs: Path | None) -> None:
    """Break rules in copies of the code; exit status 0 only if the harness notices each."""
    from chaos.mutations.catalogue import MUTATIONS
    from chaos.mutations.trial import attempt

    signal.signal(signal.SIGTERM, _interrupt)
    chosen = [each for each in MUTATIONS if not only or any(word in each.name for word in only)]
    missed = 0
    for mutation in chosen:
        trial = attempt(mutation, [word for part in without for word in ("--without", part)])
        missed += not trial.noticed
        found = "; ".join(dict.fromkeys(finding.partition(": ")[0] for finding in trial.findings)) or "nothing"
        click.echo(f"| {mutation.name} | {mutation.breaks} | {found if trial.noticed else f'NOT NOTICED: {found}'} |")
        if logs:
            logs.mkdir(parents=True, exist_ok=True)
            (logs / f"{mutation.name}.log").write_text(trial.output)
    raise SystemExit(1 if missed or not chosen else 0)


if __name__ == "__main__":
    try:
        main(prog_name="python -m chaos")
    except (DocrelayError, ServerError, NotInjected, NotPossible, NotApplied) as error:
        raise SystemExit(f"error: {error}") from None
