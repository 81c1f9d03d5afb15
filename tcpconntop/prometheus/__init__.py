"""The connects of many hosts, read from a Prometheus server that scrapes their exporters.

`server` is its address, `client` asks it over HTTP, `queries` are the questions and `answers` what these
hold: a stranger's text, of which every size is bounded. `labels` and `buckets` turn labels into keys and
buckets into those of the window, `counters` takes the differences of one host, `source` puts hosts together.
"""
