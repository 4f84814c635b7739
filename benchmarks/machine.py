"""What a measurement ran on: without it a number says nothing."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

FLAGS = ("avx512_bf16", "amx_bf16", "avx512_vnni", "avx2")


def machine() -> dict[str, str]:
    """Processor, cores, memory and the versions that decide about speed."""
    return {
        "cpu": _processor(),
        "cores": str(os.cpu_count()),
        "flags": " ".join(flag for flag in FLAGS if flag in _cpuinfo().split()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "torch": version("torch"),
    }


def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text("ascii", "replace")
    except OSError:
        return ""


def _processor() -> str:
    for line in _cpuinfo().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
