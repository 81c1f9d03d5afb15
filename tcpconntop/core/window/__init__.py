"""The rolling window: records in, sums per key out, published as a snapshot.

`rolling` is the window, `keys` numbers its rows, `stats` and `slices` hold what it counts, `sums` and
`slice_history` what is summed up. `state` and `snapshot` are what is published, `history` makes snapshots of
earlier moments. `recent`, `ledger`, `host` and `playback` are further parts of a snapshot.
"""
