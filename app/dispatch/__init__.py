"""The one producer of messages, and the sweep.

`loop` runs it, `announce` turns ready stages into messages, `window` decides how many may be under way,
`sweep` finds what stopped moving.
"""
