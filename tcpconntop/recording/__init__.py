"""Recordings: the format, the writer, the reader and the replay."""
