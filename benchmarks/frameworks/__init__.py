"""Frameworks that do what the service does with a folder of PDFs: read, cut, embed, store.

Each has a file that only its own environment runs (`load` builds it up, `serve` speaks with us); `environments`
makes those environments from `pins.toml`; `rival` runs one as a process; `run` measures all of them beside the service.
"""
