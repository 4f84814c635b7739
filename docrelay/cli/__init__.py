"""The `docrelay` command (extra `cli`): submit, look, wait, change and search from a shell.

Exit status: 0 when what was asked succeeded, else one of `docrelay.cli.exits`.
"""

import sys


def main() -> None:
    """Run the command; what is wrong is one line on stderr, never a traceback."""
    try:
        from docrelay.cli.program import run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("click", "rich"):
            raise
        sys.exit("error: the docrelay command needs its extra: pip install 'docrelay[cli]'")
    run()
