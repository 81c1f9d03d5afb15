"""Metrics for Prometheus: cumulative counts of the busiest destinations, served over HTTP.

Data goes one way here too: `collector` counts records into `series`, and publishes a frozen `MetricsSnapshot`
each second. `families` makes metrics of it, `text_format` and `protobuf_format` encode them, `responses`
decides which page a request gets, and `server` holds the sockets.
"""
