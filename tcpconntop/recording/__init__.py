"""Recordings: the file format, the writer, the reader, and `Replay`, a source that plays what was recorded.

A file is framed (`frames`); a frame holds a file header or a block of records (`blocks`), packed (`codecs`).
`files` writes and rotates files, `stdout` writes to a pipe, `writer` fills both from a source. `reader` reads
files, `decoder` decodes frames and counts what is missing, `replay` plays files on the clock of `pacing`.
`stream` is a source of what comes through a `pipe`; `played` has the totals of both.
"""
