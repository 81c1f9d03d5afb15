"""Recordings: the file format, the writer, the reader, and `Replay`, a source that plays what was recorded.

A file is framed (`frames`); a frame holds a file header or a block of records (`blocks`), packed (`codecs`).
`files` writes and rotates files, `writer` fills them from a source, `reader` reads them back and counts what
is missing, `replay` plays them on the clock of `pacing`.
"""
