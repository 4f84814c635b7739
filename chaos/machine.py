"""What the harness asks of this machine beyond processes: mounts, network namespaces, a compiler."""

import subprocess


class NotPossible(Exception):  # noqa: N818
    """This machine does not allow a kind of fault; says why, and how to leave it out."""


def command(without: str, *argv: str) -> str:
    """Run a command of the system; what it printed.

    Args:
        without: the value of `--without` that leaves out what this is for.
        argv: the command and its arguments.

    Raises:
        NotPossible: it is not there, or it failed.
    """
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    except OSError as error:
        trouble = str(error)
    else:
        if not done.returncode:
            return done.stdout
        trouble = done.stderr.strip() or f"ended with status {done.returncode}"
    raise NotPossible(f"not possible here: `{' '.join(argv)}`: {trouble}; leave it out by `--without {without}`")
